"""Open the database for a command: settings read, connection tried, migrations there, or a line that says what is not."""

from sqlalchemy import Engine

from db import revisions
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from tasks.parts import Parts, parts


def ready() -> Parts:
    """Return this process's parts, with a database that answers and has the tables that this code needs.

    Raises:
        SettingsError: A setting is wrong or missing.
        RevisionError: The migrations have not run.
        SQLAlchemyError: Postgres does not answer.
    """
    built = parts()
    revisions.require(built.engine)
    return built


def engine() -> Engine:
    """Return the engine of a database that is `ready`."""
    return ready().engine
