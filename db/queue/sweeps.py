"""The sweeper's and the release's statements: each locks what it moves; any number of processes may run it at once."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db.queue.kinds import Row, RowKind


def lost_leases(
    conn: Connection,
    kind: RowKind[Row],
    limit: int,
    *,
    settle_seconds: float,
    ends_seconds: float | None = None,
    lease_seconds: float = 50,
    suspect_after: int = 3,
) -> list[Row]:
    """Move rows whose lease ran out to retrying, their outcome unknown; return them.

    The `suspect_after`th lost in a row goes to held(suspect), unless another row loses as many within
    `lease_seconds`: then they go in groups, two leases apart (`next_attempt_at`). Another POST is safe (`settle_at`)
    `settle_seconds` after the lease, absence may end it (`ends_at`) `ends_seconds` after: 30 s more for 130, for a
    replica's lag.
    """
    ends = settle_seconds * 16 / 13 if ends_seconds is None else ends_seconds
    times = {"settle_seconds": settle_seconds, "ends_seconds": ends, "lease_seconds": lease_seconds}
    return kind.rows(conn, "lost_leases", limit=limit, suspect_at=suspect_after, **times)


def unsent(
    conn: Connection,
    kind: RowKind[Row],
    limit: int,
    *,
    queue_empty: bool,
    patience_seconds: float = 5,
    overtaken_seconds: float = 30,
) -> list[Row]:
    """Take up waiting rows whose message was never sent or is gone; return them in the order of the line.

    Gone: due for `patience_seconds`, and either the queue is empty or a message enqueued `overtaken_seconds` later has
    been delivered. `queue_empty` is false when the broker cannot be asked.
    """
    times = {"patience_seconds": patience_seconds, "overtaken_seconds": overtaken_seconds}
    return kind.rows(conn, "unsent", limit=limit, queue_empty=queue_empty, **times)


def mark_unsent(conn: Connection, kind: RowKind[Row], ids: Iterable[int]) -> None:
    """Take back that these rows were enqueued, so that `unsent` finds them at once; claimed ones stay."""
    conn.execute(kind.statement("mark_unsent"), {"ids": list(ids)})


def suspects_due(conn: Connection, kind: RowKind[Row], limit: int, *, again_seconds: float) -> list[Row]:
    """Return suspects of unknown outcome whose turn to be looked for has come; the next is `again_seconds` later."""
    return kind.rows(conn, "suspects_due", limit=limit, again_seconds=again_seconds)


def release_due(  # noqa: PLR0913 - what today is for an account
    conn: Connection,
    kind: RowKind[Row],
    *,
    key: str,
    settings: str,
    limit: int,
    key_works: bool = False,
    settings_work: bool = False,
    closed: bool = False,
    account: int = DEFAULT_ACCOUNT,
) -> list[Row]:
    """Move held rows to pending whose `hold_until` has come or whose cause is gone; return them, oldest first.

    `key` and `settings` are today's fingerprints of `account`, and concern no other one: another key ends
    credentials and blind_key, other settings end configuration, sight of the event type that was gained since ends
    blind_key: each hold asks its own question, so that nothing circles. `key_works`: today's key is not refused, so
    credentials end for it, too; `settings_work`: so does configuration for today's settings. `closed`: the breaker is,
    so what rests since its probes failed goes, once nobody waits for it any more. Nothing here ends a breaker_open
    without `hold_until`.
    """
    works = {"key_works": key_works, "settings_work": settings_work, "closed": closed}
    return kind.rows(conn, "release_due", account=account, key=key, settings=settings, limit=limit, **works)


def release_these(conn: Connection, kind: RowKind[Row], ids: Sequence[int]) -> list[Row]:
    """Move these from held to pending, those excepted that have moved on."""
    return kind.rows(conn, "release_these", ids=list(ids)) if ids else []


def flag_degraded(conn: Connection, kind: RowKind[Row], *, max_age_seconds: float, limit: int) -> list[int]:
    """Flag rows that were asked for longer ago than this and are held still; return the numbers of their bookings."""
    asked = {"max_age_seconds": max_age_seconds, "limit": limit}
    return list(conn.execute(kind.statement("flag_degraded"), asked).scalars())
