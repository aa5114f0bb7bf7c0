"""The databases of a test process: one on a server, and as many more as tests have at once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from tests.support.databases import sessions
from tests.support.databases.dump import Dump, differences
from tests.support.databases.engines import disposed
from tests.support.databases.kept import KeptDatabase
from tests.support.databases.template import Template

if TYPE_CHECKING:
    from worker.local.embedded import Postgres

PATIENCE = 20.0  # seconds: a net for the sessions of processes that were killed, which end by themselves

# What all databases of a server have in common: roles, and settings that hold everywhere.
_SERVER = """
SELECT 'role', rolname, to_jsonb(r)::text FROM pg_roles AS r WHERE oid >= 16384
UNION ALL
SELECT 'setting', coalesce(rolname, 'every role'), array_to_string(setconfig, ' ')
FROM pg_db_role_setting
LEFT JOIN pg_roles AS r ON r.oid = setrole
WHERE setdatabase = 0
UNION ALL
SELECT 'setting', 'ALTER SYSTEM', line
FROM string_to_table(pg_read_file('postgresql.auto.conf'), E'\\n') AS line
WHERE line !~ '^(#|$)'
"""


class LeftBehindError(Exception):
    """Name the test that has left something behind, and what."""

    def __init__(self, test: str, what: list[str]) -> None:
        super().__init__("\n".join((f"{test} has left behind:", *(f"- {one}" for one in what))))


class Databases:
    """Make databases on a server; lend those that are kept to one test after the other.

    `template` migrates a database, and names it.
    """

    def __init__(self, server: "Postgres", template: Callable[[], str]) -> None:
        self._server, self._template = server, template
        self._numbers = count(1)
        self._admin = self._connect()
        self._free: list[KeptDatabase] = []
        self._whole: Template | None = None
        self._known = self._ask_server()

    def make(self, template: str = "template1") -> str:
        """Make an empty database, or one like `template`; return its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"  # who runs tests may be a test
        # FILE_COPY is a third of the work of WAL_LOG.
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(make.format(sql.Identifier(name), sql.Identifier(template)))
        return self._server.url_of(name)

    def drop(self, url: str) -> None:
        """Drop a database, also while processes are connected."""
        self._server.recover()
        name = sql.Identifier(url.rpartition("/")[2])
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    @contextmanager
    def made(self, test: str, *, migrated: bool) -> Iterator[str]:
        """Make a database for this block alone; yield its URL.

        Raises:
            LeftBehindError: The test has changed what all databases of the server have in common.
        """
        url = self.make(self._template()) if migrated else self.make()
        with disposed(url):
            yield url
        self.drop(url)
        if changed := self._changed():
            raise LeftBehindError(test, changed)

    @contextmanager
    def lent(self, test: str, *, failed: Callable[[], bool]) -> Iterator[str]:
        """Lend a database with the newest migrations and no rows for this block; yield its URL.

        Raises:
            LeftBehindError: The test has not failed, and has left something behind that is not a row; or the one
                before it has written after its end.
        """
        kept = self._free.pop() if self._free else self._make_kept()
        if written := kept.written():
            self._give_up(kept)
            raise LeftBehindError(kept.had_by, written)
        kept.had_by = test
        with disposed(kept.url, dispose=sessions.keep):
            yield kept.url
        changed = self._changed()
        if failed():  # a process that it has started may still write, and has the URL
            self._give_up(kept)
            return
        if left := [*kept.left_behind(patience=PATIENCE), *changed]:
            self._give_up(kept)
            raise LeftBehindError(test, left)
        kept.empty()
        if kept.is_big():
            self._give_up(kept)
        else:
            self._free.append(kept)

    def close(self) -> None:
        """End all sessions, once each database that was lent is as the template.

        Raises:
            LeftBehindError: One is not.
        """
        left = [(kept.had_by, [*kept.written(), *kept.differences()]) for kept in self._free]
        for kept in self._free:
            kept.close()
        self._admin.close()
        for test, what in left:
            if what:
                raise LeftBehindError(test, what)

    def _make_kept(self) -> KeptDatabase:
        url = self.make(self._template())
        if self._whole is None:
            self._whole = Template(url)
        return KeptDatabase(url, self._whole)

    def _give_up(self, kept: KeptDatabase) -> None:
        kept.close()
        self.drop(kept.url)

    def _changed(self) -> list[str]:
        """Return what has changed on the server since this was asked last."""
        before, self._known = self._known, self._ask_server()
        return differences(before, self._known)

    def _ask_server(self) -> Dump:
        return {tuple(row) for row in self._run(_SERVER)}

    def _run(self, statement: sql.Composable | str) -> list[Any]:
        """Run a statement over a connection that is kept: a login for each costs more than to drop a database."""
        try:
            cursor = self._admin.execute(statement)
        except psycopg.OperationalError:  # a test has ended it
            self._admin.close()
            self._admin = self._connect()
            cursor = self._admin.execute(statement)
        return cursor.fetchall() if cursor.description else []

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._server.url, autocommit=True, application_name="tests")
