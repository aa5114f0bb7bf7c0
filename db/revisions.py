"""Migrations: where a database stands, and how to move it. Alembic does the work, without an alembic.ini.

A run is one transaction under an advisory lock: two deploys at once migrate once, and a failure changes nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from db.connection import deadline

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x626F6F6B696E67  # "booking"; any number will do that nobody else locks
# A change that waits for a table makes everybody behind it wait too: better to fail and be tried again.
LOCK_TIMEOUT = "5s"


class RevisionError(Exception):
    """Say that a database is not where it must be, or that there is no such revision."""


@dataclass(frozen=True)
class Revision:
    """One migration; `applied` says whether the database has it."""

    id: str
    doc: str
    applied: bool


@dataclass(frozen=True)
class SchemaState:
    """Where a database stands; `known` is False for a revision this code has never heard of: a newer one."""

    current: str | None
    head: str
    known: bool

    @property
    def problem(self) -> str | None:
        """Say in one line what is wrong and what to do; None when the database is at this code's head."""
        if not self.known:
            return f"the database is at {self.current}, newer than this code ({self.head}): install the newer code"
        if self.current is None:
            return "the database has none of our tables: run `booking migrate`"
        if self.current != self.head:
            return f"the database is at {self.current}, this code needs {self.head}: run `booking migrate`"
        return None


def head() -> str:
    """Return the id of the newest revision."""
    return _ids()[-1]


def current(engine: Engine) -> str | None:
    """Return the id of the revision that the database is at; None before the first."""
    with engine.connect() as conn:
        return _current(conn)


def schema_state(engine: Engine) -> SchemaState:
    """Compare the database with this code; the answer's `problem` says what to do."""
    at = current(engine)
    return SchemaState(at, head(), known=at is None or at in _ids())


def require(engine: Engine) -> None:
    """Raise RevisionError, with what to do, unless the database has all that this code needs.

    A newer database passes: changes expand first, so that old workers live on beside new ones during a deploy.
    """
    state = schema_state(engine)
    if state.known and state.problem is not None:
        raise RevisionError(state.problem)


def status(engine: Engine) -> list[Revision]:
    """List this code's revisions, oldest first; a newer database has them all."""
    at, ids, scripts = current(engine), _ids(), _scripts()
    applied = 0 if at is None else ids.index(at) + 1 if at in ids else len(ids)
    return [Revision(name, scripts.get_revision(name).doc, n < applied) for n, name in enumerate(ids)]


def upgrade(engine: Engine, to: str = "head") -> list[str]:
    """Apply the revisions up to `to` and return their ids; raise RevisionError when `to` is unknown or behind."""
    with deadline(None), engine.begin() as conn:
        at, goal = _locked(conn), _place(to)
        if goal < at:
            raise RevisionError(f"{to} is behind the database: `booking migrate --to {to}` takes revisions back")
        return _go(conn, at, goal)


def downgrade(engine: Engine, steps: int) -> list[str]:
    """Take back the newest `steps` revisions and return their ids, newest first; what their columns held is gone."""
    with deadline(None), engine.begin() as conn:
        at = _locked(conn)
        if not 0 <= steps <= at:
            raise RevisionError(f"cannot take back {steps} revisions: the database has {at}")
        return _go(conn, at, at - steps)


def migrate(engine: Engine, to: str = "head") -> list[str]:
    """Go to revision `to`, forward or back, and return the ids applied or taken back (`booking migrate --to`)."""
    with deadline(None), engine.begin() as conn:
        at = _locked(conn)
        return _go(conn, at, _place(to))


def _locked(conn: Connection) -> int:
    """Wait for any other migration to end, then return how many revisions the database has."""
    conn.execute(text("SET LOCAL statement_timeout = 0"))  # a table may be large, and `deadline(None)` waits for it
    conn.execute(text("SET LOCAL lock_timeout = 0"))
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    conn.execute(text("SELECT set_config('lock_timeout', :timeout, true)"), {"timeout": LOCK_TIMEOUT})
    at, ids = _current(conn), _ids()
    if at is None:
        return 0
    if at not in ids:
        raise RevisionError(f"the database is at {at}, newer than this code ({ids[-1]}): install the newer code")
    return ids.index(at) + 1


def _go(conn: Connection, at: int, goal: int) -> list[str]:
    """Run Alembic from `at` revisions to `goal` of them."""
    ids = _ids()
    config = _config()
    config.attributes["connection"] = conn
    if goal > at:
        command.upgrade(config, ids[goal - 1])
        return ids[at:goal]
    if goal < at:
        command.downgrade(config, ids[goal - 1] if goal else "base")
    return ids[goal:at][::-1]


def _place(to: str) -> int:
    """Return how many revisions a database at `to` has."""
    ids = _ids()
    places = {"base": 0, "head": len(ids)} | {name: n for n, name in enumerate(ids, start=1)}
    if to not in places:
        raise RevisionError(f"there is no revision {to!r}; there are: {', '.join(ids)}")
    return places[to]


def _current(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


def _ids() -> list[str]:
    """Return the ids of all revisions, oldest first: ours are one line, without branches."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
