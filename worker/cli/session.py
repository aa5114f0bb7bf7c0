"""Open the database for a command: settings read, connection tried, tables there, or an error that says what is not."""

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
    with built.engine.connect() as conn:  # Alembic would say it more exactly, and takes as long as the whole command
        conn.execute(text("SELECT retry_count FROM appointments LIMIT 1"))
    return built


def login_name() -> str:
    """Return who gives the command, as far as this machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "operator"


def log_to_stderr() -> None:
    """Send what the product reports to standard error: a command's answer is alone on stdout.

    structlog prints to stdout where nobody has configured it.
    """
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
