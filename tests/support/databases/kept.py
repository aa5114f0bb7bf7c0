"""A migrated database that one test after the other has: emptied after each, and asked what a test has left behind.

To empty all tables takes a hundredth of the time that another copy of the template does. The session that empties is
none of a test's: its name is `tests`.
"""

import threading
import time

import psycopg
from psycopg import sql

from tests.support.databases import sessions
from tests.support.databases.dump import Dump, differences, dump
from tests.support.databases.template import Template, connect, one

_LOOK = 0.01  # seconds
BIG = 4 << 20  # bytes of all tables, dead rows too: then a copy of the template is cheaper than to go on with it

_SESSIONS = """
SELECT pid, state = 'active', format(
    'a connection (%%s, %%s: %%s)', coalesce(nullif(application_name, ''), 'without a name'), state, left(query, 200)
), (
    SELECT string_agg(DISTINCT format('%%s%%s', mode, ' on ' || coalesce(
        relation::regclass::text, CASE locktype WHEN 'advisory' THEN format('advisory %%s %%s', classid, objid) END
    )), ', ')
    FROM pg_locks AS l
    WHERE l.pid = s.pid AND granted AND locktype IN ('advisory', 'relation')
)
FROM pg_stat_activity AS s
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND pid <> ALL (%s)
"""
_CATALOGUES = {
    **dict.fromkeys(("class", "attrdef", "constraint", "proc", "rewrite", "trigger", "type"), "oid"),
    **dict.fromkeys(("extension", "namespace", "policy", "publication", "event_trigger", "statistic_ext"), "oid"),
    "attribute": "attrelid",
    "description": "objoid",
}
# A change of a catalogue writes a newer transaction's number into it, or deletes a row. A schema of temporary
# tables stays when its session has ended.
_MARKS = (
    sql.SQL("SELECT concat_ws(' ', {}, {})")
    .format(
        sql.SQL(", ").join(
            sql.SQL("(SELECT concat_ws('-', count(*), max(xmin::text::bigint)) FROM {} WHERE {} >= 16384{})").format(
                sql.Identifier(f"pg_{name}"),
                sql.Identifier(column),
                sql.SQL(" AND nspname !~ '^pg_(toast_)?temp_'" if name == "namespace" else ""),
            )
            for name, column in _CATALOGUES.items()
        ),
        sql.SQL(
            "(SELECT string_agg(s::text, ',' ORDER BY s::text) FROM pg_db_role_setting AS s"
            " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        ),
    )
    .as_bytes(None)
)


class KeptDatabase:
    """One such database, a copy of `template`; `had_by` is the test that had it last."""

    def __init__(self, url: str, template: Template) -> None:
        self.url = url
        self.had_by = ""
        self._template = template
        self._conn = connect(url)
        self._marks = self._mark()

    def left_behind(self, *, patience: float) -> list[str]:
        """Return what a test has left that emptying does not end: sessions, which are ended, and a changed schema.

        A session that ends by itself within these seconds is not left.
        """
        self._reconnect()
        return [*self._end_sessions(patience), *self._changed()]

    def empty(self) -> None:
        """Make tables and sequences what the migrations have made of them."""
        with self._conn.pipeline():
            for statement, given in self._template.empty:
                self._conn.execute(statement, given, prepare=True)

    def written(self) -> list[str]:
        """Return what differs in tables and sequences from what the migrations have made, and who is connected."""
        self._reconnect()
        told = self._conn.execute(self._template.differing, prepare=True)
        return [*(what for (what,) in told), *(what for _, _, what in self._sessions())]

    def differences(self) -> list[str]:
        """Compare all that is in it with the template."""
        return differences(self._template.dump, dump(self._conn))

    def is_big(self) -> bool:
        """Return whether rows of before, dead ones, have made the tables big."""
        asked = "SELECT sum(pg_relation_size(oid)) > %s FROM pg_class WHERE relkind = 'r' AND oid >= 16384"
        return bool(one(self._conn.execute(asked, [BIG], prepare=True)))

    def close(self) -> None:
        """End the session that empties, and those that are kept for tests."""
        self._conn.close()
        sessions.end(self.url)

    def _reconnect(self) -> None:
        """Connect again if a test has ended the session, or killed the server."""
        try:
            self._conn.execute("SELECT 1")
        except psycopg.OperationalError:
            self._conn.close()
            self._conn = connect(self.url)

    def _sessions(self) -> list[tuple[int, bool, str]]:
        rows = self._conn.execute(_SESSIONS, [sessions.kept(self.url)], prepare=True).fetchall()
        return [(pid, busy, f"{what}{f' with a lock ({locks})' if locks else ''}") for pid, busy, what, locks in rows]

    def _end_sessions(self, patience: float) -> list[str]:
        """Wait until nobody is connected; end the sessions of who stays, and return what they are.

        Who is at work is told to stop: if its client is no more, the session ends then, and it stays if there is one.
        """
        ends_at, pause = time.monotonic() + patience, threading.Event()
        while connected := self._sessions():
            if time.monotonic() > ends_at:
                break
            for pid in (pid for pid, busy, _ in connected if busy):
                self._conn.execute("SELECT pg_cancel_backend(%s)", [pid])
            pause.wait(_LOOK)
        for pid, _, _ in connected:
            self._conn.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        return [what for _, _, what in connected]

    def _mark(self) -> str:
        return str(one(self._conn.execute(_MARKS, prepare=True)))

    def _changed(self) -> list[str]:
        """Compare what is no row, if anybody has written to a catalogue: most write to none."""
        if (marks := self._mark()) == self._marks:
            return []
        self._marks = marks
        return differences(_without_rows(self._template.dump), _without_rows(dump(self._conn)))


def _without_rows(lines: Dump) -> Dump:
    return {line for line in lines if line[0] not in {"row", "sequence"}}
