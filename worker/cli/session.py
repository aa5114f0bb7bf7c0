"""Open the database for a command: read the settings, connect, and check that our tables exist."""

import getpass
import sys

import structlog
from sqlalchemy import text

from tasks import dependencies
from tasks.dependencies import Dependencies
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`


def ready() -> Dependencies:
    """Return this process's dependencies, with a database that answers and has our tables.

    Raises:
        SettingsError: A setting is wrong or missing.
        SQLAlchemyError: Postgres does not answer, or the migrations have not run.
    """
    log_to_stderr()
    built = dependencies.current()
    with built.engine.connect() as conn:  # Alembic's check is more exact, and takes as long as the whole command
        conn.execute(text("SELECT retry_count FROM appointments LIMIT 1"))
    return built


def login_name() -> str:
    """Return the login name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "operator"


def log_to_stderr() -> None:
    """Log to standard error, so that standard output has a command's answer alone.

    Without configuration structlog prints to standard output.
    """
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
