"""Run a host application's own tests before our wheels are installed and after, and compare each line."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from db import revisions
from db.engine import make_engine
from tests.hosts.environments import PATIENCE, Environment, Hung, Wrong, command, plain, tell_unsteady
from worker.local.embedded import Servers
from worker.local.embedded.server import free_port

HERE = Path(__file__).parent
SCHEMA = "bookings"  # not the name of the role: `"$user"` is the first schema of the search path
# A test that hangs ends the run while `command` still waits, with the stacks of all threads.
STACKS = ("-o", f"faulthandler_timeout={PATIENCE * 0.6:g}", "-o", "faulthandler_exit_on_timeout=true")
PYTEST = ("-m", "pytest", "-v", "--no-header", "--tb=short", "-p", "no:cacheprovider", *STACKS)
MIGRATE = {"django_shop": ("manage.py", "migrate"), "fastapi_shop": ("-m", "alembic", "upgrade", "head")}
ORDERS = {"django_shop": {1, 2, 3}, "fastapi_shop": {1, 2, 3, 5}}
OUR_NAMES = ("db", "tasks", "worker")  # a host can have modules of these names beside the client, not beside the worker


@dataclass(frozen=True)
class Shop:
    """A host application in an environment; its servers are `database` and two numbers of Valkey from `number` on."""

    name: str
    environment: Environment
    folder: Path
    servers: Servers
    number: int

    @property
    def database(self) -> str:
        """The name of its database."""
        return f"{self.name}_{self.environment.guest}"

    @property
    def url(self) -> str:
        """The URL of its database."""
        return self.servers.postgres.url_of(self.database)

    @property
    def seen(self) -> Path:
        """What its tests write down; the variable SEEN of each of its processes names it."""
        return self.folder / "seen.txt"

    def copy(self) -> None:
        """Copy it to where no file of the repository is; beside `worker` three modules get other names."""
        for source in (HERE / "shop", HERE / self.name):
            shutil.copytree(source, self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        if self.environment.guest != "worker":
            return
        names = "|".join(OUR_NAMES)
        for path in self.folder.rglob("*.py"):
            if path.name != "guest.py":
                text = re.sub(rf"^(\s*(?:from|import) )({names})\b", r"\1shop_\2", path.read_text(), flags=re.MULTILINE)
                path.write_text(text)
            if path.stem in OUR_NAMES:
                path.rename(path.with_stem(f"shop_{path.stem}"))

    def test(self, guest: str) -> list[str]:
        """Run its tests; return what they printed and what they wrote down. Raises Wrong.

        Tests that hang are looked at once more, as in the tests of this repository: who ends then is unsteady.
        """
        try:
            return self._test(guest)
        except Hung as hung:
            self._end_what_is_left()
            lines = self._test(guest)
            tell_unsteady(f"{self.database}: {hung}")
            return lines

    def _test(self, guest: str) -> list[str]:
        self._empty_servers()
        if guest:
            engine = make_engine(self.url, schema=SCHEMA)
            revisions.upgrade(engine)
            engine.dispose()
        self.seen.unlink(missing_ok=True)
        environment = self._settings(guest) | {"SEEN": str(self.seen)}
        if guest:  # the first process of a deployment logs that the breaker's shared state begins: here it is no host's
            begins = [sys.executable, "-m", "worker.cli", "status"]  # no worker runs, so its exit code is not 0
            subprocess.run(begins, env=environment, capture_output=True, timeout=60, check=False)
        python = self.environment.python
        printed = command([python, *MIGRATE[self.name]], cwd=self.folder, environment=environment)
        printed += command([python, *PYTEST], cwd=self.folder, environment=environment)
        if guest:
            self._judge_books()
        return [*re.sub(r"=+ (.+) in [\d.]+s.*", r"\1", printed).splitlines(), *self.seen.read_text().splitlines()]

    def compare(self, before: list[str], after: list[str]) -> None:
        """Raise Wrong: a line is another one."""
        if differences := "\n".join(unified_diff(before, after, "before", "after", lineterm="", n=0)):
            raise Wrong(f"{self.database}: not every line is the same\n{differences}")

    def _end_what_is_left(self) -> None:
        """Kill its processes: a worker outlives tests that hang, and would take the tasks of the next ones."""
        mark = f"SEEN={self.seen}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    def _empty_servers(self) -> None:
        for number in (self.number, self.number + 1):
            with redis.Redis.from_url(self._valkey(number)) as valkey:
                valkey.flushdb()
        name = sql.Identifier(self.database)
        with psycopg.connect(self.servers.postgres.url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            admin.execute(sql.SQL("CREATE DATABASE {}").format(name))

    def _settings(self, guest: str) -> dict[str, str]:
        """Return settings of the host's by bare names, and ours by names that only we use."""
        port = str(free_port())
        prefix = "shop_" if self.environment.guest == "worker" else ""
        return plain() | {
            "GUEST": guest,
            "SHOP_APP": f"{prefix}worker",
            "DATABASE_URL": self.url,
            "CELERY_BROKER_URL": self._valkey(self.number),
            "LOG_FILE": "no such folder/shop.log",
            "METRICS_PORT": port,
            "BOOKING_DATABASE_URL": self.url,
            "BOOKING_DATABASE_SCHEMA": SCHEMA,
            "BOOKING_REDIS_URL": self._valkey(self.number + 1),
            "BOOKING_METRICS_ADDRESS": f"127.0.0.1:{port}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _valkey(self, number: int) -> str:
        return f"{self.servers.valkey.url.rpartition('/')[0]}/{number}"

    def _judge_books(self) -> None:
        """Raise Wrong unless exactly the orders that the host committed have a booking."""
        with psycopg.connect(self.url) as conn:
            orders = {number for (number,) in conn.execute("SELECT id FROM public.appointments")}
            booked = [key for (key,) in conn.execute("SELECT idempotency_key FROM bookings.appointments")]
        if orders != ORDERS[self.name] or sorted(booked) != [f"order-{number}" for number in sorted(orders)]:
            raise Wrong(f"{self.database}: the orders are {orders}, the bookings {booked}")
