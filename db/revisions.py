"""Migrations: where a database stands, and how to move it. Alembic does the work, without an alembic.ini.

A run is one transaction under an advisory lock: two deploys at once migrate once, and a failure changes nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, String, column, inspect, select, table, text

from db.connection import deadline
from db.namespace import TABLES, VERSION_TABLE, schema_of

_FOLDER = Path(__file__).parent / "migrations"
# Before 0.1.0 there were ten revisions, which made the tables of our first one. A database at the last of them needs no
# more than our id in its place, and to lose what nothing reads: `booking migrate` does that.
_LAST_BEFORE = "0010_line"
_OLDER = (
    "0001_appointments", "0002_resilience", "0003_alerts", "0004_report", "0005_evidence", "0006_keys",
    "0007_overview", "0008_audits", "0009_metric_totals",
)  # fmt: skip
_COMMIT_BEFORE = "e5c508c5b993e82eebfeb8f91744f1f2c4f9e68a"  # the last that has these ten
_TAKE_OVER = """
ALTER TABLE appointments DROP COLUMN answered_at;
ALTER TABLE booking_minutes DROP COLUMN released, DROP COLUMN wait_buckets;
DROP TABLE calcom_visibility;
UPDATE booking_schema_version SET version_num = '0001_initial'
"""
_LEFT = "also_in_alembic_version"  # our table's comment where a copy of our id stays
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
    """Where a database stands; `known` is False for a revision that neither this code has nor had: a newer one."""

    current: str | None
    head: str
    known: bool

    @property
    def problem(self) -> str | None:
        """Say in one line what is wrong and what to do; None when the database is at this code's head."""
        if self.current in _OLDER:
            return _too_old(self.current)
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
    return SchemaState(at, head(), known=at is None or at in {*_ids(), _LAST_BEFORE, *_OLDER})


def require(engine: Engine) -> None:
    """Raise RevisionError, with what to do, unless the database has all that this code needs.

    A newer database passes: changes expand first, so that old workers live on beside new ones during a deploy.
    """
    state = schema_state(engine)
    if state.known and state.problem is not None:
        raise RevisionError(state.problem)


def status(engine: Engine) -> list[Revision]:
    """List this code's revisions, oldest first; a newer database has them all, one from before 0.1.0 has none."""
    at, ids, scripts = current(engine), _ids(), _scripts()
    none = at is None or at in {_LAST_BEFORE, *_OLDER}
    applied = 0 if none else ids.index(at) + 1 if at in ids else len(ids)
    return [Revision(name, scripts.get_revision(name).doc, n < applied) for n, name in enumerate(ids)]


def upgrade(engine: Engine, to: str = "head") -> list[str]:
    """Apply the revisions up to `to` and return their ids; raise RevisionError when `to` is unknown or behind."""
    with deadline(None), engine.begin() as conn:
        goal, taken = _place(to), _taken_over(conn)
        at = _count(conn)
        if goal < at:
            raise RevisionError(f"{to} is behind the database: `booking migrate --to {to}` takes revisions back")
        return taken + _go(conn, at, goal)


def downgrade(engine: Engine, steps: int) -> list[str]:
    """Take back the newest `steps` revisions and return their ids, newest first; what their columns held is gone.

    The first one makes all tables: only `migrate(engine, "base")` takes it back, and every booking with it.
    """
    with deadline(None), engine.begin() as conn:
        _taken_over(conn)
        at = _count(conn)
        if not 0 <= steps <= max(at - 1, 0):
            raise RevisionError(f"cannot take back {steps} revisions: the database has {at}, and the first one stays")
        return _go(conn, at, at - steps)


def migrate(engine: Engine, to: str = "head") -> list[str]:
    """Go to revision `to`, forward or back, and return the ids applied or taken back (`booking migrate --to`)."""
    with deadline(None), engine.begin() as conn:
        goal, taken = _place(to), _taken_over(conn)
        return taken + _go(conn, _count(conn), goal)


def _taken_over(conn: Connection) -> list[str]:
    """Wait for any other migration to end, then take over a database from before 0.1.0; return the id that it got."""
    conn.execute(text("SET LOCAL statement_timeout = 0"))  # a table may be large, and `deadline(None)` waits for it
    conn.execute(text("SET LOCAL lock_timeout = 0"))
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    conn.execute(text("SELECT set_config('lock_timeout', :timeout, true)"), {"timeout": LOCK_TIMEOUT})
    if schema := schema_of(conn):
        if not conn.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :schema"), {"schema": schema}).all():
            conn.exec_driver_sql(f"CREATE SCHEMA {schema}")
        conn.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": schema})
    if _version(conn) is None and (at := _among_alembics(conn)):
        _move_id(conn, at)
    if _current(conn) != _LAST_BEFORE:
        return []
    conn.exec_driver_sql(_TAKE_OVER)
    return _ids()[:1]


def _count(conn: Connection) -> int:
    """Return how many revisions the database has."""
    at, ids = _current(conn), _ids()
    if at is None:
        return 0
    if at in _OLDER:
        raise RevisionError(_too_old(at))
    if at not in ids:
        raise RevisionError(f"the database is at {at}, newer than this code ({ids[-1]}): install the newer code")
    return ids.index(at) + 1


def _too_old(at: str) -> str:
    return f"the database is at {at}, from before 0.1.0: run `booking migrate` of commit {_COMMIT_BEFORE} first"


def _go(conn: Connection, at: int, goal: int) -> list[str]:
    """Run Alembic from `at` revisions to `goal` of them."""
    ids = _ids()
    config = _config()
    config.attributes["connection"] = conn
    if at == 0 and goal:
        _refuse_others(conn)
    if goal > at:
        command.upgrade(config, ids[goal - 1])
        return ids[at:goal]
    if goal < at:
        command.downgrade(config, ids[goal - 1] if goal else "base")
        if goal == 0:
            _take_back_id(conn)
    return ids[goal:at][::-1]


def _place(to: str) -> int:
    """Return how many revisions a database at `to` has."""
    ids = _ids()
    places = {"base": 0, "head": len(ids)} | {name: n for n, name in enumerate(ids, start=1)}
    if to not in places:
        raise RevisionError(f"there is no revision {to!r}; there are: {', '.join(ids)}")
    return places[to]


def _current(conn: Connection) -> str | None:
    """Return where the database stands; our id may still be among those of an Alembic that others use, too."""
    return _version(conn) or _among_alembics(conn)


def _version(conn: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE, "version_table_schema": schema_of(conn)}
    return MigrationContext.configure(conn, opts=options).get_current_revision()


def _among_alembics(conn: Connection) -> str | None:
    """Return our id from `alembic_version`, where earlier releases wrote it; a host's may be named alike.

    So it is ours only beside a table of bookings as ours.
    """
    there, schema = inspect(conn), schema_of(conn)
    if not all(there.has_table(name, schema=schema) for name in ("alembic_version", "appointments")):
        return None
    if "idempotency_key" not in {column["name"] for column in there.get_columns("appointments", schema=schema)}:
        return None
    versions = table("alembic_version", column("version_num", String), schema=schema)
    known = [*_ids(), _LAST_BEFORE, *_OLDER]
    found: str | None = conn.execute(select(versions.c.version_num).where(versions.c.version_num.in_(known))).scalar()
    return found


def _move_id(conn: Connection, at: str) -> None:
    """Write our id into a table of our own, and take it out of a host's `alembic_version`.

    In one that is ours alone it stays: pods of 0.1.0 that restart during a deploy look there, and nowhere else.
    """
    conn.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num varchar(32) PRIMARY KEY)")
    conn.execute(table(VERSION_TABLE, column("version_num", String)).insert(), {"version_num": at})
    others = conn.execute(text("SELECT 1 FROM alembic_version WHERE version_num <> :at"), {"at": at}).all()
    if others or at not in _ids():
        conn.execute(text("DELETE FROM alembic_version WHERE version_num = :at"), {"at": at})
    else:
        conn.exec_driver_sql(f"COMMENT ON TABLE {VERSION_TABLE} IS '{_LEFT}'")


def _take_back_id(conn: Connection) -> None:
    """Take out of `alembic_version` the id that we left there: our tables go, and the release before looks there."""
    if not conn.execute(text("SELECT to_regclass('alembic_version')")).scalar():
        return
    left = conn.execute(text("SELECT obj_description(to_regclass(:ours), 'pg_class')"), {"ours": VERSION_TABLE})
    if left.scalar() == _LEFT:
        conn.execute(text("DELETE FROM alembic_version WHERE version_num = ANY(:ids)"), {"ids": _ids()})
        conn.exec_driver_sql(f"COMMENT ON TABLE {VERSION_TABLE} IS NULL")


def _refuse_others(conn: Connection) -> None:
    """Raise RevisionError if a table of another program has the name of one of ours."""
    schema, others = conn.execute(
        text(
            "SELECT current_schema, array_agg(CAST(relname AS text) ORDER BY relname) FROM pg_class"
            " WHERE relnamespace = CAST(current_schema AS regnamespace) AND relkind <> 'c' AND relname = ANY(:names)"
        ),
        {"names": list(TABLES)},
    ).one()
    if others:
        raise RevisionError(
            f"the schema {schema} has {', '.join(others)} of another program: set DATABASE_SCHEMA to a schema for our"
            " tables alone, which is made if it is not there; nothing was changed"
        )


def _ids() -> list[str]:
    """Return the ids of all revisions, oldest first: ours are one line, without branches."""
    return [script.revision for script in _scripts().walk_revisions()][::-1]


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("recursive_version_locations", "true")  # from_0017 is a folder of its own
    return config
