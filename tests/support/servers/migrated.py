"""A PostgreSQL with a migrated database, the template of the tests' own; or a copy of one that was made before.

`python -m tests.support.servers.migrated FOLDER` makes one in a folder, for many runs that each start on a copy
(PREPARED), and prints which of our files it was made from, a line each.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from db import revisions
from db.engine import make_engine
from worker.local import embedded
from worker.local.embedded import find, record
from worker.local.embedded.postgres import USER
from worker.local.embedded.server import ServerLayout

ROOT = Path(__file__).parents[3]
PREPARED = "TESTS_PREPARED_POSTGRES"
TEMPLATE = "migrated"


@contextmanager
def running() -> Iterator[embedded.Postgres]:
    """Run a PostgreSQL until the block ends: a copy of the one that was prepared, or a new one."""
    prepared = os.environ.get(PREPARED)  # noqa: TID251 - the tests' own
    if prepared is None:
        with embedded.servers(valkey=False) as servers:
            _make_logins_cheap(servers.postgres)
            yield servers.postgres
        return
    with embedded.Guard() as guard:
        user = find.server_user()
        programs = find.reachable(find.postgres(), embedded.Postgres.program, user, guard.folder)
        layout = ServerLayout(guard.folder(), programs, user, durable=False)
        kept = record.kept(Path(prepared), embedded.Postgres.name)
        server = embedded.Postgres(guard, layout, password=kept["password"])
        subprocess.run(["cp", "-Rp", Path(prepared) / embedded.Postgres.name, layout.folder], check=True)  # noqa: S607
        server.prepare()
        server.start()
        yield server


def template(server: embedded.Postgres) -> str:
    """Make the template, unless it is there, and name it; a copy takes a twentieth of the time."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return TEMPLATE
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    engine = make_engine(server.url_of(TEMPLATE))
    revisions.upgrade(engine, revisions.head())
    engine.dispose()
    return TEMPLATE


def _make_logins_cheap(server: embedded.Postgres) -> None:
    """Have the password hashed once, not 4,096 times at each of some thousand logins: it is random."""
    change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(server.password))
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("SET scram_iterations = 1")
        admin.execute(change)


def prepare(folder: Path) -> set[str]:
    """Make one in a folder and end it; return the files below ROOT that it was made from."""
    with embedded.servers(folder, valkey=False) as servers:
        _make_logins_cheap(servers.postgres)
        template(servers.postgres)
    loaded = {Path(file) for module in [*sys.modules.values()] if (file := getattr(module, "__file__", None))}
    read = loaded | {path for path in (ROOT / "db" / "migrations").rglob("*") if path.is_file()}
    return {str(path.relative_to(ROOT)) for path in read if path.is_relative_to(ROOT)}


if __name__ == "__main__":
    print(*sorted(prepare(Path(sys.argv[1]))), sep="\n")  # noqa: T201 - what it was asked for
