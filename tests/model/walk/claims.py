"""When a worker claimed a row, and whether it may have: no event says so but the one that ends the claim."""

from collections.abc import Iterator
from typing import Any

from db.appointments.queue import PACED
from db.engine import STATEMENT_TIMEOUT_MS
from db.lifecycle import HoldReason, Status
from tasks.maintenance.resting import FREE
from tests.model.walk.record import Event, Terms
from tests.model.walk.state import Cannot, Span

SLACK = 0.25  # seconds between a statement's now() and the moment of its event
LATEST = STATEMENT_TIMEOUT_MS / 1000  # seconds for which a statement may wait for Postgres, or for a lock, at the most
TRANSACTION = 2.0  # seconds from the beginning of a transaction to its event, at the most
CLAIMABLE = frozenset({"pending", "retrying"})
MOVED = frozenset(Status)


def claimed_at(event: Event, before: float) -> Span:
    """Return when the row was claimed for the attempt that an event ends; `before`: when it came where it was claimed.

    The attempt's length is measured before its move is written, which may wait; and `waited_ms` is from the beginning
    of the transaction that sent its message, perhaps a later one than the first.
    """
    began = event.at - (event.attempt or 0.0)
    waited = event.detail.get("waited_ms", 0) / 1000
    since = max(before - SLACK, min(before + waited - TRANSACTION, began), began - LATEST)
    last = max(event.at - event.busy, began)
    return Span(min(since, last), last)


_BY_STATE = frozenset({*PACED, HoldReason.IN_LINE, HoldReason.CONFIGURATION})  # that of a key keeps its reason


def rested(state: Any, event: Event, in_vain: int) -> Iterator[Any]:
    """Yield a row's state, and if it is held without a call once more, the rest that may stand in its place.

    `in_vain`: how often it was held so in the minute before.
    """
    yield state
    held = state.row.status == Status.HELD and not event.calls
    if held and in_vain >= FREE and state.row.reason in _BY_STATE:
        yield state._replace(row=state.row._replace(reason=HoldReason.UNREACHABLE))


def not_claimable(status: str, words: str, claim: Span, before: float, until: float) -> Cannot | None:
    """Return why no worker can have claimed a row then, which is there since `before`; None: one can."""
    if status not in CLAIMABLE:
        return Cannot(f"a worker has claimed it, and it is {words}")
    if claim.hi < before - SLACK:
        return Cannot(f"it was claimed {before - claim.hi:.3f} s before the move that let it go: under a live lease")
    if claim.hi < until - SLACK:
        return Cannot(f"it was claimed {until - claim.hi:.3f} s before its next attempt was due")
    return None


def last_seen(event: Event, terms: Terms, written_since: float) -> float:
    """Return when the worker that has lost a lease last claimed its row, or renewed that claim.

    That has written the row, and somebody else may have written it again (`written_since`, the last time): then only
    the lease's end tells.
    """
    written = event.moment("written_at")
    if written_since < written - SLACK:
        return written
    return min(written, event.moment("lease_ended_at") - terms.lease)


def not_lost(state: Any, event: Event, terms: Terms, written_since: float = 0.0) -> Cannot | None:
    """Return why no worker can have lost its claim of a row as the event says; None: one can.

    `written_since`: when somebody else last wrote the row.
    """
    row, seen, ended = state.row, last_seen(event, terms, written_since), event.moment("lease_ended_at")
    if no := not_claimable(row.status, state.words(), Span(seen, seen), state.at, state.until):
        return no
    if event.at < ended - SLACK:
        return Cannot(f"its lease was alive: it was to end {ended - event.at:.3f} s later")
    if ended < seen + terms.lease - SLACK:
        return Cannot(f"its lease was {ended - seen:.3f} s long, and is to be {terms.lease:g} s")
    if event.detail["leases_lost"] != row.lost + 1:
        return Cannot(f"it has lost {row.lost} leases in a row before, and not {event.detail['leases_lost'] - 1}")
    return None
