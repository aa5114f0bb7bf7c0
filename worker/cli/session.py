"""Open the database for a command: read the settings, connect, and check that our tables exist.

A command that only reads Postgres has the record alone (`record`); the others have all that tasks work with (`ready`).
"""

import getpass
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.host.log import LogLine
from worker.cli.loading import load
from worker.console.notes import Hearing
from worker.engine import engine_of
from worker.running import running
from worker.settings.model import Settings

_REPORTS = "booking-reports"  # the name of our handler


def ready() -> Dependencies:
    """Return this process's dependencies, with a database that answers and has our tables.

    Raises:
        SettingsError: A setting is wrong or missing.
        SQLAlchemyError: Postgres does not answer, or the migrations have not run.
    """
    log_to_stderr()
    built = wired()
    with built.engine.connect() as conn:
        _require_tables(conn)
    return built


def wired() -> Dependencies:
    """Return this process's dependencies, without a question to a server.

    Raises:
        SettingsError: A setting is wrong or missing.
    """
    load("worker.wiring")  # its import fills the slot of `tasks`; what only reads Postgres does not need it
    return dependencies.current()


@contextmanager
def record() -> Iterator[tuple[Connection, Settings]]:
    """Yield a connection to the database, which answers and has our tables, and the settings of this process.

    Raises:
        SettingsError: A setting is wrong or missing.
        SQLAlchemyError: Postgres does not answer, or the migrations have not run.
    """
    log_to_stderr()
    settings = running(Settings.load())
    engine = engine_of(settings)
    try:
        with engine.connect() as conn:
            _require_tables(conn)
            yield conn, settings
    finally:
        engine.dispose()


def _require_tables(conn: Connection) -> None:
    # Alembic's check is more exact, and takes as long as the whole command.
    conn.execute(text("SELECT retry_count FROM appointments LIMIT 1"))


def login_name() -> str:
    """Return the login name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "operator"


def log_to_stderr() -> None:
    """Log our lines and libraries' warnings to standard error, so that standard output has a command's answer alone.

    While `listening` runs, its handler stays the only one.
    """
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
