"""Say for whom a migration waits: a thread looks at what holds the locks, while the migration cannot."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

Say = Callable[[str], object]
MARK = "/* booking migrate */"  # before each statement that may wait for somebody
_LOOK_EACH = 0.2  # seconds
_FIRST, _AGAIN = 1.0, 10.0  # seconds after which a wait is said, and said again
_OVER = 2.0  # seconds without a wait, after which the next one is another one: between two tries there is none
_WAITS = text(
    """
    SELECT DISTINCT
        CAST(CAST(waited.relation AS regclass) AS text) AS relation,
        blocking.pid, coalesce(nullif(holder.application_name, ''), holder.backend_type) AS who,
        coalesce(starts_with(holder.backend_type, 'autovacuum'), false) AS is_vacuum, holder.state,
        extract(epoch FROM clock_timestamp() - holder.xact_start) AS seconds
    FROM pg_stat_activity AS waiting
    JOIN pg_locks AS waited ON waited.pid = waiting.pid AND NOT waited.granted
    CROSS JOIN LATERAL unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
    LEFT JOIN pg_stat_activity AS holder ON holder.pid = blocking.pid
    WHERE waiting.datname = current_database() AND starts_with(waiting.query, :mark)
    ORDER BY seconds DESC NULLS FIRST
    """
)


class Waits:
    """Look for whom a migration waits, until the block ends; `last` says it, None when it waited for nobody."""

    def __init__(self, engine: Engine, revision: str, say: Say) -> None:
        self.last: str | None = None
        self.for_vacuum = False
        self._engine, self._revision, self._say = engine, revision, say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="migration-waits", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        say_at = seen_at = 0.0
        while not self._over.wait(_LOOK_EACH):
            with suppress(OperationalError), self._engine.connect() as conn:  # the migration itself meets the error
                if not (rows := conn.execute(_WAITS, {"mark": MARK}).all()):
                    continue
                self.for_vacuum = any(row.is_vacuum for row in rows)
                self.last = sentence(rows[0].relation, rows[0].pid, rows[0].who, rows[0].state, rows[0].seconds)
                now = time.monotonic()
                if now - seen_at > _OVER:
                    say_at = now + _FIRST
                seen_at = now
                if now >= say_at:
                    say_at = now + _AGAIN
                    self._say(f"{self._revision} waits for {self.last}")


def sentence(relation: str | None, pid: int, who: str | None, state: str | None, seconds: float | None) -> str:
    """Say what is waited for, and who holds it; a prepared transaction has the number 0."""
    what = f"a lock on {relation}" if relation else "transactions that began before it"
    if not pid:
        return f"{what}: a prepared transaction holds it (pg_prepared_xacts lists it)"
    facts = [who or "of another role", *([state] if state else [])]
    if seconds and seconds >= 1:
        facts.append(f"in a transaction for {seconds:.0f} s")
    return f"{what}: the session {pid} ({', '.join(facts)}) holds it"
