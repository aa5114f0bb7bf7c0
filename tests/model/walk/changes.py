"""Which step of the model an event of a change is: the table of kinds, and what each may follow; as `bookings`."""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product as each
from types import MappingProxyType
from typing import Any, NamedTuple

from db.appointments.moves import EARLY
from db.lifecycle import CHANGE_MOVES, OVER, ChangeStatus, HoldReason
from tests.model.changes.product import Around, ChangeRow
from tests.model.walk import attempts
from tests.model.walk.attempts import AS_BEFORE
from tests.model.walk.bookings import RESTS
from tests.model.walk.change_attempts import POSTS, ChangeSeen, change_ends
from tests.model.walk.claims import LATEST, SLACK, claimed_at, not_claimable, not_lost, rested
from tests.model.walk.record import Event, Line, Terms, has_ended
from tests.model.walk.state import NEVER, Cannot, Span

S = ChangeStatus


class ChangeState(NamedTuple):
    """One of the states in which a change may be; as `state.State`."""

    row: ChangeRow
    at: float
    until: float = 0.0
    settle: Span = NEVER
    ends: Span | None = None

    def words(self) -> str:
        """Tell it."""
        row = self.row
        held = f"({row.reason})" if row.reason else ""
        return f"{row.status}{held}{', unknown' if row.unknown else ''}, {row.posts} POSTs, {row.retries} retries"


class ChangeSubject(NamedTuple):
    """A change's row as it is at the end, its booking's, and what Cal.com ever had of that.

    `booked`: in which ways its booking may stand now, confirmed or not, and since when that is known.
    """

    row: Mapping[str, Any]
    lines: Collection[Line]
    terms: Terms
    booked: tuple[bool, ...] = (True,)
    booked_at: float = 0.0
    earlier: int = 0  # the first change of its booking that was asked for before it, and is open; 0: none is
    in_vain: int = 0  # as bookings.Subject has it


Steps = Iterator[ChangeState | Cannot]
Step = Callable[[ChangeSubject, Any, Event], Steps]  # only a wish that is stored comes out of nothing: None


def _moved(row: ChangeRow, to: ChangeStatus, **columns: Any) -> ChangeRow | Cannot:
    """Return a row after one of the legal moves."""
    if to not in CHANGE_MOVES[row.status]:
        return Cannot(f"no such move: {row.status} -> {to}")
    over = {"unknown": False} if to in OVER else {}
    return row._replace(**{"status": to, "reason": "", **over, **columns})


# -- an attempt ------------------------------------------------------------------------------------------------------


def attempted(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield where the product's attempt may leave the change, by what it was answered."""
    claim = claimed_at(event, state.at)
    if no := not_claimable(state.row.status, state.words(), claim, state.at, state.until):
        yield no
        return
    found = False
    to, seen = S(event.kind.removeprefix("change_")), _seen(subject, event)
    for row, around in _as_claimed(subject, state, claim, event):
        for end in change_ends(row, around, seen, subject.terms.retries):
            if end.status == to:
                found = True
                yield from rested(_concrete(subject, state, event, claim, end), event, subject.in_vain)
    if to is S.HELD and not event.calls and seen.denied is None:
        for reason in (HoldReason.PAUSED, HoldReason.CREDENTIALS, HoldReason.IN_LINE):
            if reason is not HoldReason.IN_LINE or not state.row.unknown:
                found = True
                row = state.row._replace(status=to, reason=reason, lost=0)
                yield from rested(state._replace(row=row, at=event.at, until=0.0), event, subject.in_vain)
    if not found:
        calls = ", ".join(f"{call['endpoint']} {attempts.result_of(call)}" for call in event.calls) or "no call"
        yield Cannot(f"the product's attempt does not lead there by {calls}")


def _seen(subject: ChangeSubject, event: Event) -> ChangeSeen:
    told = [(call["endpoint"], attempts.result_of(call)) for call in event.calls]
    posts = tuple(result for endpoint, result in told if endpoint in POSTS)
    reads = frozenset((endpoint, result) for endpoint, result in told if endpoint not in POSTS)
    began, row = event.at - (event.attempt or 0.0) - LATEST, subject.row
    made = any(line.start == row["start_at"] and began < line.made <= event.at for line in subject.lines)
    moved = made and row["kind"] == "reschedule"
    return ChangeSeen(posts, reads, is_done(subject, event.at), event.detail.get("denied_for"), moved)


def is_done(subject: ChangeSubject, at: float) -> bool:
    """Say whether Cal.com has done by a moment what a change wishes, or at least a part of it."""
    row = subject.row
    if row["kind"] == "cancel":
        return has_ended(subject.lines, at + SLACK)
    return any(line.start == row["start_at"] and line.made <= at + SLACK for line in subject.lines)


def _as_claimed(
    subject: ChangeSubject, state: ChangeState, claim: Span, event: Event
) -> Iterator[tuple[ChangeRow, Around]]:
    terms, row = subject.terms, state.row
    during = Span(claim.lo, event.at)  # its moments are judged by the claim's last renewal
    settled = tuple(state.settle.passed(during)) if row.unknown else (True,)
    ended = tuple(state.ends.passed(during)) if row.unknown and state.ends is not None else (True,)
    nearest, asked = subject.row["start_at"] - terms.lead, subject.row["requested_at"] + terms.wait_for_proof
    nears = tuple(Span(nearest, nearest).passed(claim)) if row.is_move else (False,)
    waits = tuple(Span(asked, asked).passed(during))
    booked = subject.booked if subject.booked_at < claim.lo else (True, False)
    before = (True, False) if not event.calls else (False,)  # what ends an attempt before it asks
    for is_settled, is_ended, near, waited, young, known in each(settled, ended, nears, waits, (True, False), booked):
        ends = None if state.ends is None else 0 if is_ended else AS_BEFORE
        own = row._replace(status=S.CHANGING, reason="", settle=0 if is_settled else AS_BEFORE, ends=ends)
        theres = (True, False) if row.is_move and is_done(subject, claim.lo - SLACK) else (False,)
        for elsewhere, there, over in each(before, theres, before):
            yield own, Around(known, elsewhere, there, over, young, near, waited)


def _concrete(subject: ChangeSubject, state: ChangeState, event: Event, claim: Span, told: ChangeRow) -> ChangeState:
    """Return a state of the real clock: what an attempt has written as ticks was written at this moment."""
    terms, at = subject.terms, event.at
    until = at + event.detail.get("retry_in_ms", 0) / 1000 - EARLY
    if told.reason == HoldReason.SETTLING and told.settle == AS_BEFORE:
        until = state.settle.lo
    sent = claim.lo - at  # seconds from now to the first byte
    settle = {
        0: Span(at - LATEST, at),
        AS_BEFORE: state.settle,
        1: Span(at + sent + terms.settle_answered, at + terms.settle_answered),
    }.get(told.settle, Span(at + sent + terms.settle_unanswered, at + terms.settle_unanswered))
    ends: Span | None = None
    if told.ends is not None:
        ends = {
            0: Span(at - LATEST, at),
            AS_BEFORE: state.ends or NEVER,
            3: Span(at + sent + terms.settle_unanswered, at + terms.settle_unanswered),
        }.get(told.ends, Span(at + sent + terms.ends_unanswered, at + terms.ends_unanswered))
        if state.row.unknown and state.ends is not None and told.ends not in (0, AS_BEFORE):
            ends = ends.or_later(state.ends)
    row = told._replace(settle=0, ends=None, unknown=told.unknown and told.status not in OVER)
    return ChangeState(row, at, until, settle if told.unknown else NEVER, ends if told.unknown else None)


# -- beside an attempt -----------------------------------------------------------------------------------------------


def lease_lost(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change of a worker that is gone: claimed, and not heard of for a lease."""
    terms, row = subject.terms, state.row
    if no := not_lost(state, event, terms):
        yield no
        return
    to = S(event.kind.removeprefix("change_"))
    settle, ends = (
        Span(event.at - SLACK, event.at).after(for_) for for_ in (terms.settle_unanswered, terms.ends_unanswered)
    )
    if state.row.unknown:
        settle, ends = settle.or_later(state.settle), ends.or_later(state.ends or NEVER)
    lost: dict[str, Any] = {"unknown": True, "moved": True, "looks": 0, "error": "lease_lost", "lost": row.lost + 1}
    reason = HoldReason.SUSPECT if to is S.HELD else ""
    # It may have renewed its claim before it was lost: a retry more, another week named, and after that a refusal less
    for used, named in each((0, 1) if row.unknown else (0,), (0, 1, 2) if row.of_series else (0,)):
        for posts in {max(row.posts, 1), max(row.posts, 1) + named}:
            for refusal in {row.refusal, ""}:
                new = row._replace(
                    status=to, reason=reason, **lost, retries=row.retries + used, named=row.named + named, posts=posts,
                    refusal=refusal,
                )  # fmt: skip
                yield ChangeState(new, event.at, 0.0, settle, ends)


def asked(subject: ChangeSubject, _state: ChangeState | None, event: Event) -> Steps:
    """Yield the rows as a wish is stored: it goes at once, or it waits."""
    row = subject.row
    series, part = any(line.series for line in subject.lines), row["scope"] is not None
    made = ChangeRow(S.WAITING, row["kind"] == "reschedule", row["from_seat"] is not None, series, part)
    yield ChangeState(made, event.at)
    if True in subject.booked and not subject.earlier:
        yield ChangeState(made._replace(status=S.PENDING), event.at)


def let_go(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change whose turn has come, whose hold is over, or that an operator sends again."""
    row, held, by_hand = state.row, event.detail.get("held"), event.by not in ("sweeper", "release")
    if row.status is S.WAITING and held is None and not by_hand:
        if True not in subject.booked:
            yield Cannot("its turn has come, and its booking is not confirmed")
        elif subject.earlier:
            yield Cannot(f"its turn has come, and change {subject.earlier} of its booking is open")
        else:
            yield ChangeState(row._replace(status=S.PENDING), event.at)
    elif by_hand and row.status in (S.HELD, S.FAILED):
        over: dict[str, Any] = {"posts": 0, "retries": 0, "moved": False} if row.status is S.FAILED else {}
        new = row._replace(status=S.PENDING, reason="", lost=0, **over)
        yield ChangeState(new, event.at, 0.0, state.settle, state.ends)
    elif row.status is not S.HELD or held != row.reason:
        yield Cannot(f"a hold for {held} was ended, and it is {state.words()}")
    elif "since" in event.detail and abs(event.moment("since") - state.at) > LATEST:
        yield Cannot(f"a hold since {event.detail['since']} was ended, and it is held since {state.at:.3f}")
    elif held == HoldReason.SUSPECT:
        yield Cannot("a suspect was released, and no operator has said so")
    elif event.at < state.until - SLACK:
        yield Cannot(f"its hold ({held}) was ended {state.until - event.at:.3f} s before its time")
    elif held in (HoldReason.CREDENTIALS, HoldReason.CONFIGURATION) and event.at < state.at + RESTS - SLACK:
        yield Cannot(f"its hold ({held}) was ended after {event.at - state.at:.3f} s, and lasts {RESTS:g} at least")
    else:
        yield ChangeState(row._replace(status=S.PENDING, reason=""), event.at, 0.0, state.settle, state.ends)


def again(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change that goes again, or is held: after an attempt, or after the lease of one was lost."""
    yield from lease_lost(subject, state, event) if "leases_lost" in event.detail else attempted(subject, state, event)


def looked_up(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the end that a lookup of a suspect has shown; nothing of it is posted."""
    began, to = Span(event.at - event.busy - LATEST, event.at - event.busy), S(event.kind.removeprefix("change_"))
    seen, found = _seen(subject, event), False
    for row, around in _as_claimed(subject, state, began, event):
        for end in () if seen.posts else change_ends(row, around, seen, subject.terms.retries):
            if end.status == to:
                found = True
                yield _concrete(subject, state, event, began, end)
    if not found:
        yield Cannot("it was ended by a lookup, and the product's lookup of a suspect does not lead there")


def ended(subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change that is over: by an attempt, with its booking, by its time, or by an operator's word."""
    if event.attempt is not None:
        yield from attempted(subject, state, event)
        return
    row, to = state.row, S(event.kind.removeprefix("change_"))
    if to is S.EXPIRED:
        latest = subject.row["start_at"] - subject.terms.lead
        if row.unknown or not row.is_move:
            yield Cannot(f"it has expired, and it is {state.words()}")
            return
        if event.at < latest - SLACK:
            yield Cannot(f"it has expired {latest - event.at:.3f} s before its time")
            return
    elif row.status is S.WAITING:
        if event.by != "caller" and False not in subject.booked:  # that of a caller was refused, or was so, at once
            yield Cannot("it has ended while it waits, and its booking is confirmed")
            return
    elif row.reason == HoldReason.SUSPECT and event.by == "sweeper":
        yield from looked_up(subject, state, event)
        return
    elif row.status is not S.HELD or event.by != "operator":
        yield Cannot(f"it has ended while it is {state.words()}, and no operator has said so")
        return
    elif to is S.DONE and not is_done(subject, event.at):
        yield Cannot("it counts as done, and Cal.com has not done it")
        return
    new = _moved(row, to)
    yield new if isinstance(new, Cannot) else ChangeState(new, event.at)


def withdrawn(_subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change that a newer wish has replaced before it was sent."""
    if state.row.unknown or state.row.posts or event.calls:
        yield Cannot(f"it was withdrawn after it may have been sent, and it is {state.words()}")
        return
    new = _moved(state.row, S.WITHDRAWN)
    yield new if isinstance(new, Cannot) else ChangeState(new, event.at)


def flagged(_subject: ChangeSubject, state: ChangeState, event: Event) -> Steps:
    """Yield the change as it is: it is only told that its hold is too long."""
    is_held = state.row.status is S.HELD
    yield state if is_held else Cannot(f"its event is {event.kind}, and the row is {state.words()}")


STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "change_asked": asked,
        "change_degraded": flagged,
        "change_pending": let_go,
        "change_retrying": again,
        "change_held": again,
        "change_done": ended,
        "change_refused": ended,
        "change_failed": ended,
        "change_expired": ended,
        "change_withdrawn": withdrawn,
    }
)
