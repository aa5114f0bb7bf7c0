"""Migrations: where a database stands, and how to move it. Alembic knows their order, and what stands in them.

Beside workers and callers a migration goes in up to three steps: ADDED, short statements that may be run twice; BUILT,
what reads a whole table while all go on; and `upgrade` in one transaction, with the id, which locks the LOCKED tables
first (db/migrating/locks.py). One that was broken off is begun again, and what stands is left. Going back is one
transaction for all migrations, and so is an empty database, whose tables nobody uses yet.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, text

from db.connection import deadline
from db.migrating import before, hosts, locks
from db.migrating.waits import Say, Waits
from db.namespace import TABLES, VERSION_TABLE, schema_of

_FOLDER = Path(__file__).parent / "migrations"
_BEFORE = {*before.OLDER, before.LAST}


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
    """Where a database stands; `known` is False for a revision that neither this code has nor had: a newer one."""

    current: str | None
    head: str
    known: bool

    @property
    def problem(self) -> str | None:
        """Say in one line what is wrong and what to do; None when the database is at this code's head."""
        if self.current in before.OLDER:
            return before.too_old(self.current)
        if not self.known:
            return f"the database is at {self.current}, newer than this code ({self.head}): install the newer code"
        if self.current is None:
            return "nothing is applied: the database has none of our tables: run `booking migrate`"
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
    return SchemaState(at, head(), known=at is None or at in _known())


def require(engine: Engine) -> None:
    """Raise RevisionError, with what to do, unless the database has all that this code needs.

    A newer database passes: changes expand first, so that old workers live on beside new ones during a deploy.
    """
    state = schema_state(engine)
    if state.known and state.problem is not None:
        raise RevisionError(state.problem)


def status(engine: Engine) -> list[Revision]:
    """List this code's revisions, oldest first; a newer database has them all, one from before 0.2.0 has none."""
    at, ids = current(engine), _ids()
    none = at is None or at in _BEFORE
    applied = 0 if none else ids.index(at) + 1 if at in ids else len(ids)
    return [Revision(script.revision, script.doc, n < applied) for n, script in enumerate(_scripts())]


def upgrade(engine: Engine, to: str = "head") -> list[str]:
    """Apply the revisions up to `to` and return their ids; raise RevisionError when `to` is unknown or behind."""

    def goal_of(at: int) -> int:
        if _place(to) < at:
            raise RevisionError(f"{to} is behind the database: `booking migrate --to {to}` takes revisions back")
        return _place(to)

    return _run(engine, goal_of)


def downgrade(engine: Engine, steps: int, say: Say = lambda _: None) -> list[str]:
    """Take back the newest `steps` revisions and return their ids, newest first; what their columns held is gone.

    The first one makes all tables: only `migrate(engine, "base")` takes it back, and every booking with it.
    """

    def goal_of(at: int) -> int:
        if not 0 <= steps <= max(at - 1, 0):
            raise RevisionError(f"cannot take back {steps} revisions: the database has {at}, and the first one stays")
        return at - steps

    return _run(engine, goal_of, say)


def migrate(engine: Engine, to: str = "head", say: Say = lambda _: None) -> list[str]:
    """Go to revision `to`, forward or back, and return the ids applied or taken back (`booking migrate --to`).

    `say` is called with a line for each wait that lasts.
    """
    return _run(engine, lambda _: _place(to), say)


def _run(engine: Engine, goal_of: Callable[[int], int], say: Say = lambda _: None) -> list[str]:
    """Go from where the database stands to so many revisions; raise RevisionError, with what to do."""
    with deadline(None), locks.alone(engine, say):
        try:
            with Waits(engine, "the migration", say) as waits:
                taken, at, goal = locks.in_transaction(engine, waits, (), lambda conn: _begin(conn, goal_of))
            if at < goal:
                for script in _scripts()[at:goal]:
                    _forward(engine, script, say)
                return taken + _ids()[at:goal]
            if at == goal:
                return taken
            with Waits(engine, "the way back", say) as waits:
                return taken + locks.in_transaction(engine, waits, TABLES, lambda conn: _back(conn, at, goal))
        except locks.LockedOutError as error:
            raise RevisionError(
                f"gave up waiting for {error}; the database is at {current(engine) or 'nothing'}, and works: let that"
                " end, or end it (pg_terminate_backend), and run `booking migrate` again"
            ) from None


def _begin(conn: Connection, goal_of: Callable[[int], int]) -> tuple[list[str], int, int]:
    """Take over a database from before 0.2.0, or fill an empty one; return what was applied, where it is, the goal."""
    if (schema := locks.search_our_schema(conn)) and not conn.execute(
        text("SELECT 1 FROM pg_namespace WHERE nspname = :schema"), {"schema": schema}
    ).all():
        conn.exec_driver_sql(f"CREATE SCHEMA {schema}")
    taken: list[str] = []
    if _current(conn) == before.LAST:
        taken = _ids()[:1]
        conn.execute(text("UPDATE booking_schema_version SET version_num = :first"), {"first": taken[0]})
    count = _count(conn)
    goal = goal_of(count)
    if count or not goal:
        return taken, count, goal
    if problem := hosts.others_named_as_ours(conn):
        raise RevisionError(problem)
    for script in _scripts()[:goal]:
        for part in (*_part(script, "ADDED"), *_part(script, "BUILT")):
            conn.exec_driver_sql(part.sql)
        _apply(conn, script)
    return _ids()[:goal], goal, goal


def _count(conn: Connection) -> int:
    """Return how many revisions the database has."""
    at, ids = _current(conn), _ids()
    if at is None:
        return 0
    if at in before.OLDER:
        raise RevisionError(before.too_old(at))
    if at not in ids:
        raise RevisionError(f"the database is at {at}, newer than this code ({ids[-1]}): install the newer code")
    return ids.index(at) + 1


def _forward(engine: Engine, script: Script, say: Say) -> None:
    """Apply one revision, beside those at work."""
    with Waits(engine, script.revision, say) as waits:
        for added in _part(script, "ADDED"):
            locks.add(engine, waits, added)
        for built in _part(script, "BUILT"):
            locks.build(engine, waits, built)
        locks.in_transaction(engine, waits, _part(script, "LOCKED"), lambda conn: _apply(conn, script))


def _part(script: Script, name: str) -> tuple[Any, ...]:
    """Return what a revision adds or builds (db/migrating/parts.py), or which tables its `upgrade` locks."""
    part: tuple[Any, ...] = getattr(script.module, name, ())
    return part


def _apply(conn: Connection, script: Script) -> None:
    with Operations.context(_context(conn)) as operations:
        script.module.upgrade()
        operations.get_context().stamp(_directory(_FOLDER), script.revision)


def _back(conn: Connection, at: int, goal: int) -> list[str]:
    """Take back the revisions from `at` of them to `goal`."""
    taken = _scripts()[goal:at][::-1]
    for script in taken:
        with Operations.context(_context(conn)) as operations:
            script.module.downgrade()
            operations.get_context().stamp(_directory(_FOLDER), str(script.down_revision or "base"))
    return [script.revision for script in taken]


def _place(to: str) -> int:
    """Return how many revisions a database at `to` has."""
    ids = _ids()
    places = {"base": 0, "head": len(ids)} | {name: n for n, name in enumerate(ids, start=1)}
    if to not in places:
        raise RevisionError(f"there is no revision {to!r}; there are: {', '.join(ids)}")
    return places[to]


def _current(conn: Connection) -> str | None:
    """Return where the database stands; an id of 0.1.0 is among those of an Alembic that others may use, too."""
    return _version(conn) or hosts.id_among_alembics(conn, before.OLDER)


def _version(conn: Connection) -> str | None:
    return _context(conn).get_current_revision()


def _context(conn: Connection) -> MigrationContext:
    options = {"version_table": VERSION_TABLE, "version_table_schema": schema_of(conn)}
    return MigrationContext.configure(conn, opts=options)


def _known() -> set[str]:
    return {*_ids(), *_BEFORE}


def _ids() -> list[str]:
    """Return the ids of all revisions, oldest first: ours are one line, without branches."""
    return [script.revision for script in _scripts()]


def _scripts() -> list[Script]:
    return [*_directory(_FOLDER).walk_revisions()][::-1]


@cache
def _directory(folder: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return ScriptDirectory.from_config(config)
