"""Open the database for a command: settings read, connection tried, tables there, or an error that says what is not."""

import getpass
import logging
import sys

from sqlalchemy import Engine, text

from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.log import LogLine
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from worker.console.notes import Hearing

_REPORTS = "booking-reports"  # the name of our handler


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


def engine() -> Engine:
    """Return the engine of a database that is `ready`."""
    return ready().engine


def login_name() -> str:
    """Return who gives the command, as far as this machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "operator"


def log_to_stderr() -> None:
    """Send what the product reports to standard error, and libraries' warnings, but for what `listening` hears."""
    root = logging.getLogger()
    if any(isinstance(handler, Hearing) for handler in root.handlers):
        return
    for handler in [old for old in root.handlers if old.name == _REPORTS]:
        root.removeHandler(handler)
    handler = logging.StreamHandler(sys.stderr)
    handler.name = _REPORTS
    handler.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s", "%Y-%m-%d %H:%M:%S"))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or isinstance(record.msg, LogLine))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
