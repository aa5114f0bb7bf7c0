"""Which step of the model an event of a booking is: the table of kinds, and what each may follow.

An attempt's move is the product's own (`attempts`), every other one is of `db.lifecycle.MOVES`, under what its
statement compares. A kind that is not in the table is no step of the model.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product as each
from types import MappingProxyType
from typing import Any, NamedTuple

from db.appointments.moves import EARLY
from db.audits.doubles import CANCELLED, INTENT, KEPT
from db.lifecycle import LIVE, UNASKABLE, HoldReason, Status
from tasks.calcom.reply import ErrorType
from tests.model.rows import CLAIMABLE, IllegalMoveError, Row, moved
from tests.model.walk import attempts
from tests.model.walk.attempts import AS_BEFORE, Seen
from tests.model.walk.claims import LATEST, SLACK, claimed_at, not_claimable, not_lost, rested
from tests.model.walk.record import NOT_READ, Event, Line, Terms, has_ended
from tests.model.walk.state import DISPATCHED, Cannot, Span, State

RESTS = 5.0  # seconds that what is held for a key, or for settings, rests (db/sql/release_due.sql)
DAY = 86_400.0
_NO_ACCESS = (HoldReason.PAUSED, HoldReason.CREDENTIALS)
_KEYS = frozenset({HoldReason.CREDENTIALS, HoldReason.BLIND_KEY})
_UNBOOKED = CLAIMABLE | {Status.HELD}

Steps = Iterator[State | Cannot]


class Subject(NamedTuple):
    """A booking's row as it is at the end, what Cal.com ever had of it, and what its type may have been shown as."""

    row: Mapping[str, Any]
    lines: Collection[Line]
    types: tuple[Any, ...]
    terms: Terms
    is_moved: bool = False  # move_requested: a move of it is open
    waits: bool = False  # that one waits for its outcome
    wished: float = 0.0  # when a change of it was last asked for, or was over
    in_vain: int = 0  # how often it was held without a call in the last minute

    def is_flipped(self, state: State, since: float) -> bool:
        """Return whether somebody else has written, or may have, what a claim of it has read."""
        return max(state.flipped, self.wished) > since


Step = Callable[[Subject, State, Event], Steps]


# -- an attempt ------------------------------------------------------------------------------------------------------


def attempted(subject: Subject, state: State, event: Event) -> Steps:
    """Yield where the product's attempt may leave the row, by what it was answered."""
    claim = claimed_at(event, state.at)
    if no := not_claimable(state.row.status, state.words(), claim, state.at, state.until):
        yield no
        return
    found = False
    for row, near, young in _as_claimed(subject, state, claim, event):
        for end in attempts.ends(
            row, _seen(subject, state, claim, event), subject.terms.retries, near=near, young=young
        ):
            if end.status == event.kind:
                found = True
                yield from rested(_concrete(subject, state, event, claim, end), event, subject.in_vain)
            elif end.status == Status.CANCELLED and event.kind == Status.RETRYING and not end.uid:
                for again in _not_cancelled(subject, state, event, claim):
                    found = True
                    yield again
    for reason in _held_at_once(state, event):
        found = True
        held = State(moved(state.row, Status.HELD, reason=reason, lost=0), event.at, *_moments(state))
        yield from rested(held, event, subject.in_vain)
    if not found:
        calls = ", ".join(f"{call['endpoint']} {attempts.result_of(call)}" for call in event.calls) or "no call"
        yield Cannot(f"the product's attempt does not lead there by {calls}")


def _not_cancelled(subject: Subject, state: State, event: Event, claim: Span) -> Iterator[State]:
    """Yield the row that is not booked, and that is wanted all the same: again, or at another start."""
    if subject.waits:
        yield state._replace(row=known(moved(_claimed(state), Status.RETRYING, retries=0)), at=event.at, until=0.0)
    if subject.waits or subject.is_flipped(state, claim.lo):
        yield state._replace(row=moved(_claimed(state), Status.RETRYING, lost=0), at=event.at, until=0.0)


def _claimed(state: State) -> Row:
    return moved(state.row, Status.BOOKING)


def _as_claimed(subject: Subject, state: State, claim: Span, event: Event) -> Iterator[tuple[Row, bool, bool]]:
    """Yield the row as the product may have read it: its moments as ticks, its retries as one or none left."""
    terms, row = subject.terms, state.row
    nothing = (False,)
    during = Span(claim.lo, event.at)  # its moments are judged by the claim's last renewal
    settled = state.settle.passed(during) if row.unknown else nothing
    ended = state.ends.passed(during) if row.unknown else nothing
    waited = state.since.after(terms.wait_for_proof).passed(during) if row.unknown else nothing
    latest = [subject.row["start_at"] - terms.lead, *filter(None, [subject.row["answer_by"]])]
    near = Span(min(latest), min(latest)).passed(claim)
    requested = subject.row["requested_at"] + terms.wait_for_proof
    young = Span(requested, requested).passed(during)
    unwanted = row.cancel or subject.is_moved
    own = row._replace(status=Status.BOOKING, reason="", lost=0, cancel=unwanted)
    # When its first POST of unknown outcome was sent, no state has; it matters after a 502 or 503.
    aged = (False, True) if row.unknown and row.error == ErrorType.HTTP_502 else nothing
    moments = (settled, ended, waited, aged, near, young)
    for is_settled, is_ended, has_waited, is_aged, is_near, is_old in each(*map(tuple, moments)):
        yield (
            own._replace(
                aged=is_aged,
                settle=0 if is_settled or not row.unknown else AS_BEFORE,
                ends=0 if is_ended or not row.unknown else AS_BEFORE,
                waited=has_waited,
            ),
            is_near,
            not is_old,
        )
        if subject.is_flipped(state, claim.lo):
            yield own._replace(cancel=not unwanted), is_near, not is_old


def _seen(subject: Subject, state: State, claim: Span, event: Event) -> Seen:
    made = [line for line in subject.lines if line.made <= event.at]
    unwanted, is_flipped = state.row.cancel or subject.is_moved, subject.is_flipped(state, claim.lo)
    return Seen(
        attempts.post_of(event.calls),
        "by_own_answer" in event.detail,
        *attempts.reads_of(event.calls),
        bool(made),
        has_ended(made, event.at),
        (*subject.types, NOT_READ),
        event.detail.get("denied_for"),
        (("cancel", unwanted), ("uid", state.row.uid)) if is_flipped else (),
    )


def _held_at_once(state: State, event: Event) -> Iterator[str]:
    """Yield why a worker may have held the row before it asked anything: others wait, or its account is shut."""
    if event.kind != Status.HELD or event.calls or "denied_for" in event.detail:
        return
    yield from _NO_ACCESS
    if not state.row.unknown:
        yield HoldReason.IN_LINE


def _concrete(subject: Subject, state: State, event: Event, claim: Span, told: Row) -> State:
    """Return a state of the real clock: what an attempt has written as ticks was written at this moment."""
    terms, at = subject.terms, event.at
    new = told._replace(settle=0, ends=0, waited=False, aged=False, lost=0, cancel=state.row.cancel)
    until = at + event.detail.get("retry_in_ms", 0) / 1000 - EARLY
    if told.reason == HoldReason.SETTLING and told.settle == AS_BEFORE:
        until = state.settle.lo
    if not told.unknown:
        return State(new, at, until)
    sent = Span(claim.lo - at, 0.0)  # seconds from now to the first byte
    settle = {
        0: Span(at, at),
        AS_BEFORE: state.settle,
        1: Span(at + terms.settle_answered - SLACK, at + terms.settle_answered),
    }.get(told.settle, Span(at + terms.settle_unanswered + sent.lo, at + terms.settle_unanswered))
    ends = {0: Span(at, at), AS_BEFORE: state.ends, 3: Span(at, at).after(terms.settle_unanswered)}.get(
        told.ends, Span(at + terms.ends_unanswered + sent.lo, at + terms.ends_unanswered)
    )
    if state.row.unknown and told.ends not in (0, AS_BEFORE):
        ends = ends.or_later(state.ends)
    since = Span(state.since.lo, at) if state.row.unknown else Span(at, at)
    return State(new, at, until, settle, ends, since)


def _moments(state: State) -> tuple[float, Span, Span, Span]:
    return 0.0, state.settle, state.ends, state.since


# -- beside an attempt -----------------------------------------------------------------------------------------------


def lease_lost(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row of a worker that is gone: claimed, and not heard of for a lease."""
    terms, row = subject.terms, state.row
    if no := not_lost(state, event, terms, state.flipped):
        yield no
        return
    suspect = event.kind == Status.HELD
    settle, ends = (
        Span(event.at - SLACK, event.at).after(after) for after in (terms.settle_unanswered, terms.ends_unanswered)
    )
    if row.unknown:
        settle, ends = settle.or_later(state.settle), ends.or_later(state.ends)
    since = Span(state.since.lo, event.at) if row.unknown else Span(event.at, event.at)
    lost = {"unknown": True, "looks": 0, "lost": row.lost + 1, "error": "timeout"}
    reason = {"reason": HoldReason.SUSPECT} if suspect else {}
    # It may have renewed its claim before it was lost, to post again: nothing was booked, or one retry more is used
    for more in ({}, {"refusal": (), "evidence": 0}) if row.refusal or row.evidence else ({},):
        for used in (0, 1) if row.unknown else (0,):
            new = moved(
                moved(row, Status.BOOKING), Status(event.kind), **lost, **reason, **more, retries=row.retries + used
            )
            yield State(new, event.at, 0.0, settle, ends, since)


def released(_subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row whose hold is over, or that an operator sends again."""
    row, by_hand = state.row, event.by not in ("sweeper", "release")
    held = event.detail.get("held")
    if held is None:
        yield from _sent_again(state, event)
        return
    if row.status != Status.HELD:
        yield Cannot(f"a hold of it ({held}) was ended, and it is {state.words()}")
        return
    if row.reason != held and not (by_hand and {row.reason, held} <= _OF_A_LINE):
        yield Cannot(f"a hold for {held} was ended, and it is {state.words()}")
        return
    held_at = event.moment("since") if "since" in event.detail else state.at
    if abs(held_at - state.at) > LATEST and not (state.until == DISPATCHED and held_at > state.at):
        yield Cannot(f"a hold since {event.detail['since']} was ended, and it is held since {state.at:.3f}")
        return
    if not by_hand:
        if held == HoldReason.SUSPECT:
            yield Cannot("a suspect was released, and no operator has said so")
            return
        if event.at < state.until - SLACK:
            yield Cannot(f"its hold ({held}) was ended {state.until - event.at:.3f} s before its time")
            return
        if (
            held in _KEYS
            and event.by == "sweeper"
            and event.at < state.at + RESTS - SLACK
            and held != HoldReason.BLIND_KEY
        ):
            yield Cannot(f"its hold ({held}) was ended after {event.at - state.at:.3f} s, and lasts {RESTS:g} at least")
            return
    new = moved(row, Status.PENDING, lost=0 if by_hand else row.lost)
    since = Span(event.at - SLACK, event.at) if row.reason in UNASKABLE | {HoldReason.IN_LINE} else state.since
    yield State(new, event.at, 0.0, state.settle, state.ends, since)
    if by_hand and row.unknown:  # an operator may have seen that it is not booked
        yield State(known(new), event.at)


_OF_A_LINE = frozenset({HoldReason.IN_LINE, HoldReason.BREAKER_OPEN, HoldReason.THROTTLED})


def known(row: Row) -> Row:
    """Return a row of which it is certain what Cal.com has done."""
    return row._replace(unknown=False, evidence=0, refusal=(), looks=0)


def _sent_again(state: State, event: Event) -> Steps:
    row = state.row
    if row.status == Status.CONFIRMED:  # Cal.com has lost its seat while it was moved
        yield State(known(moved(row, Status.PENDING, retries=0, uid=False)), event.at)
    elif row.status == Status.FAILED and event.by != "worker":
        yield State(moved(row, Status.PENDING, lost=0), event.at)
    else:
        yield Cannot(f"it was sent again, and it is {state.words()}")


def expired(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that was not booked in time."""
    if event.attempt is not None:
        yield from attempted(subject, state, event)
        return
    row, terms = state.row, subject.terms
    if row.status not in _UNBOOKED or row.unknown or row.uid:
        yield Cannot(f"it has expired, and it is {state.words()}")
        return
    latest = min([subject.row["start_at"] - terms.lead, *filter(None, [subject.row["answer_by"]])])
    if event.at < latest - SLACK:
        yield Cannot(f"it has expired {latest - event.at:.3f} s before its time")
        return
    yield State(moved(row, Status.EXPIRED), event.at)


def rejected(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that was refused: in an attempt, or in the line, where another request got its time."""
    row = state.row
    if event.detail.get("called", True):
        yield from attempted(subject, state, event)
    elif row.status != Status.HELD or row.reason not in _OF_A_LINE or row.unknown or row.uid or row.cancel:
        yield Cannot(f"another request got its time, and it is {state.words()}")
    else:
        yield State(moved(row, Status.REJECTED), event.at)


def failed(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that failed: in an attempt, or a day after its slot, never known."""
    if event.attempt is not None:
        yield from attempted(subject, state, event)
    elif state.row.reason != HoldReason.BLIND_KEY or event.at < subject.row["start_at"] + DAY:
        yield Cannot(f"it counts as never known, and it is {state.words()}")
    else:
        yield State(moved(known(state.row), Status.FAILED), event.at)


def cancelled(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that was cancelled: by an attempt, a person, a change of it, or found so at Cal.com."""
    row = state.row
    if event.attempt is not None:
        yield from attempted(subject, state, event)
    elif row.status == Status.CONFIRMED:
        if has_ended(subject.lines, event.at):
            yield State(moved(row, Status.CANCELLED), event.at)
        else:
            yield Cannot("it counts as cancelled at Cal.com, and Cal.com has cancelled nothing")
    elif row.status in _UNBOOKED and not row.uid:
        if row.unknown and not (event.by == "operator" and state.ends.lo <= event.at):
            yield Cannot("it was cancelled while its outcome is unknown")
        else:
            yield State(moved(known(row), Status.CANCELLED), event.at)
    else:
        yield Cannot(f"it was cancelled, and it is {state.words()}")


def confirmed(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that Cal.com has: by an attempt, or by what came to light later."""
    if not any(line.made <= event.at for line in subject.lines):
        yield Cannot("it was confirmed, and Cal.com has made no booking of it")
    elif event.attempt is not None:
        yield from attempted(subject, state, event)
    elif not state.row.uid:
        yield Cannot("it was confirmed by no attempt, and nothing late came to light")
    else:
        try:
            yield State(moved(known(state.row), Status.CONFIRMED), event.at)
        except IllegalMoveError as no:
            yield Cannot(str(no))


def late_uid(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row of which a booking came to light: by an answer after its claim was lost, or by an audit."""
    if not any(line.uid == event.detail["uid"] for line in subject.lines):
        yield Cannot(f"Cal.com has no booking {event.detail['uid']} of it")
    elif state.row.status not in (event.detail["status"], *(CLAIMABLE if event.detail["status"] == "booking" else ())):
        yield Cannot(
            f"it was {event.detail['status']} when {event.detail['uid']} came to light, and it is {state.words()}"
        )
    elif state.row.status == Status.CONFIRMED:
        yield state
    else:
        yield state._replace(row=state.row._replace(uid=True), flipped=event.at)


def retrying(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that goes again: after an attempt, or after the lease of one was lost."""
    yield from lease_lost(subject, state, event) if "leases_lost" in event.detail else attempted(subject, state, event)


def cancel_asked(_subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row that is to be cancelled once its outcome is known."""
    if state.row.status in LIVE and not state.row.cancel:
        yield state._replace(row=state.row._replace(cancel=True), flipped=event.at)
    else:
        yield Cannot(f"its cancel was asked for, and it is {state.words()}")


def taken_back(_subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row whose caller has asked again."""
    if state.row.status in LIVE | {Status.CONFIRMED}:
        yield state._replace(row=state.row._replace(cancel=False), flipped=event.at)
    else:
        yield Cannot(f"its cancel was taken back, and it is {state.words()}")


def moved_there(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row of a booking that is at another start by now."""
    uid, start = event.detail["uid"], event.moment("start")
    if any(line.uid == uid and line.start == start for line in subject.lines):
        yield from _in(Status.CONFIRMED)(subject, state, event)
    else:
        yield Cannot(f"Cal.com has no booking {uid} of it at that start")


def double(subject: Subject, state: State, event: Event) -> Steps:
    """Yield the row beside which another booking of it lives: it is to be cancelled, or was."""
    uid, seat = event.detail["uid"], event.detail["seat"]
    ends = [line.ended for line in subject.lines if line.uid == uid and seat in (None, line.seat)]
    if not ends:
        yield Cannot(f"Cal.com has no booking {uid} of it")
    elif event.kind == CANCELLED and not any(ended is not None and ended <= event.at + SLACK for ended in ends):
        yield Cannot(f"{uid} counts as a cancelled double, and Cal.com has not cancelled it")
    else:
        yield from _in(*((Status.CONFIRMED,) if event.kind == INTENT else Status))(subject, state, event)


def _in(*statuses: Status) -> Step:
    """Return the step of what is only told, of a row in one of these states."""

    def told(_subject: Subject, state: State, event: Event) -> Steps:
        yield (
            state
            if state.row.status in statuses
            else Cannot(f"its event is {event.kind}, and the row is {state.words()}")
        )

    return told


_ANY = _in(*Status)

STEPS: Mapping[str, Step] = MappingProxyType(
    {
        # moves
        "pending": released,
        "retrying": retrying,
        "held": retrying,
        "confirmed": confirmed,
        "rejected": rejected,
        "failed": failed,
        "expired": expired,
        "cancelled": cancelled,
        # what is written beside them
        "late_uid": late_uid,
        "cancel_requested": cancel_asked,
        "cancel_taken_back": taken_back,
        "moved_there": moved_there,
        "series_cut": _in(Status.CONFIRMED, Status.CANCELLED),
        "made_again": _in(Status.CONFIRMED),
        INTENT: double,
        CANCELLED: double,
        KEPT: double,
        "cancel_there": _in(Status.CONFIRMED, Status.CANCELLED),
        "told_not_booked": _in(Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED),
        "change_needs_you": _ANY,
        "degraded": _in(Status.HELD),
    }
)
