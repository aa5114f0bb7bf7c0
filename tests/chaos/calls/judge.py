"""Hold what agents heard beside Cal.com's journal and books, at the moment when they heard it. Pure; trusts neither.

All moments are seconds of CLOCK_MONOTONIC, which the simulator and the suite share. A sentence is true if it was so at
some moment between the question and the answer: what is known when the answer is made may have changed at its end.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from booking_client.states import ChangeKind
from tasks.callers.change_sentences import SaidOfChange
from tasks.callers.sentences import Said
from tests.chaos.calls.deal import OTHER, START, WANTED, ZONE, DealtCall
from tests.chaos.calls.hearing import Claim, Key, Meaning, meanings

STARTS = (START, OTHER, WANTED)
KEPT = {Claim.BOOKED, Claim.NOTED, Claim.STANDS}  # these say that there is a booking, or will be
BOOKING = "booking"
_C = SaidOfChange
_STORED: Mapping[Key, str] = {
    _C.MOVE_NOTED: ChangeKind.RESCHEDULE,
    _C.MOVE_OUTAGE: ChangeKind.RESCHEDULE,
    _C.CANCEL_NOTED: ChangeKind.CANCEL,
    _C.CANCEL_OUTAGE: ChangeKind.CANCEL,
}
"""What is stored when something is said to be noted; all else is of a booking."""
BOOKED_OR_NOTED: Collection[Key] = {Said.DONE, Said.AGAIN, Said.UNDER_WAY, Said.OUTAGE, Said.OPERATOR}
MOVING: Collection[Key] = {_C.MOVED, _C.MOVED_ALREADY, _C.MOVE_NOTED, _C.MOVE_OUTAGE}
CANCELLING: Collection[Key] = {
    Said.CANCELLED, _C.CANCELLED, _C.CANCELLED_ALREADY, _C.CANCEL_NOTED, _C.CANCEL_OUTAGE,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of one use of a tool. `said` None: the agent hung up, or its connection broke.

    `start`: the start that was named. `stored`: what was there of this call right after the answer, its booking and the
    kinds of its changes; None: Postgres could not be asked. `wrong`: what was answered is no answer. `last`: nothing
    moved any more.
    """

    tool: str
    start: datetime | None
    asked_at: float
    heard_at: float
    said: str | None = None
    booking: int | None = None
    stored: frozenset[str] | None = None
    wrong: str | None = None
    last: bool = False


class Life(NamedTuple):
    """One booking in Cal.com's books; `ended` None: it lives."""

    reference: str | None
    email: str
    start: datetime
    made: float
    ended: float | None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Read a line of the simulator's `GET /_books`."""
        history = told["history"]
        ended = next((since for since, status in history if status not in {"accepted", "pending"}), None)
        return cls(told["reference"], told["email"], datetime.fromisoformat(told["start"]), history[0][0], ended)

    def lived(self, begin: float, end: float) -> bool:
        """Return whether it was there at some moment of a period."""
        return self.made <= end and (self.ended is None or self.ended >= begin)

    def lives_after(self, at: float) -> bool:
        """Return whether it is there after a moment, or comes then."""
        return self.ended is None or self.ended > at


@dataclass(frozen=True)
class Story:
    """One call: what was dealt, what it heard in order, and what the world has of it.

    `lives` are its own bookings at Cal.com, `others` those of others of its event type; `ends` are the states of its
    rows at the end, `changes` those of their changes.
    """

    dealt: DealtCall
    replies: Sequence[Reply]
    lives: Sequence[Life] = ()
    others: Sequence[Life] = ()
    ends: Sequence[str] = ()
    changes: Sequence[str] = ()


def meant(dealt: DealtCall, reply: Reply) -> Sequence[Meaning]:
    """Return what a reply means; nothing: no table has its sentence, or there is none."""
    if reply.said is None:
        return ()
    return meanings(dealt.language, ZONE.key, STARTS).get(reply.said, ())


def claims_of(dealt: DealtCall, reply: Reply) -> set[Claim]:
    """Return what a reply claims; entries of the same words claim the same."""
    return {meaning.claim for meaning in meant(dealt, reply)}


def untrue(story: Story) -> Iterator[str]:
    """Find what a call heard and was not so, and what it was promised and did not get."""
    for number, reply in enumerate(story.replies):
        for wrong in _of_reply(story, reply, story.replies[:number]):
            yield f"call {story.dealt.number}: {reply.tool} answered {reply.said!r}: {wrong}"
    yield from (f"call {story.dealt.number}: {wrong}" for wrong in _at_the_end(story))


def _of_reply(story: Story, reply: Reply, before: Sequence[Reply]) -> Iterator[str]:
    if reply.wrong is not None:
        yield reply.wrong
    if reply.said is None:
        return
    found = meant(story.dealt, reply)
    if not found:
        yield "no table has this sentence"
        return
    wrong = [list(_CHECKS[meaning.claim](story, reply, meaning, before)) for meaning in found]
    if all(wrong):
        yield from wrong[0]
    yield from _as_a_stranger(story, reply, before)


def _as_a_stranger(story: Story, reply: Reply, before: Sequence[Reply]) -> Iterator[str]:
    """Find a second sentence about a booking of the same call that does not say that it is theirs."""
    if reply.tool != "book" or all(meaning.key is not Said.DONE for meaning in meant(story.dealt, reply)):
        return
    for one in before:
        if one.tool == "book" and one.start == reply.start and claims_of(story.dealt, one) & KEPT:
            yield f"it was asked for before, told {one.said!r}, and is told as new"
            return


def _booked(story: Story, reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    if not any(life.start == meaning.time and life.lived(reply.asked_at, reply.heard_at) for life in story.lives):
        yield "Cal.com has no such booking then"


def _taken(story: Story, reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    began = story.replies[0].asked_at
    if not any(life.start == meaning.time and life.lived(began, reply.heard_at) for life in story.others):
        yield "nobody else had that time by then"
    if any(life.start == meaning.time and life.lives_after(reply.heard_at) for life in story.lives):
        yield "its own booking has that time, or gets it"


def _noted(_story: Story, reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    wanted = _STORED.get(meaning.key, BOOKING)
    if reply.stored is not None and wanted not in reply.stored:
        yield f"no {wanted} was stored by then"


def _stands(story: Story, reply: Reply, meaning: Meaning, before: Sequence[Reply]) -> Iterator[str]:
    yield from _noted(story, reply, meaning, before)
    yield from _not_moved(story, reply, meaning, before)


def _not_moved(story: Story, reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    standing = [life for life in story.lives if meaning.old in {None, life.start}]
    if not any(life.lived(reply.asked_at, reply.heard_at) for life in standing):
        yield "Cal.com has no booking then that stands"


def _move_taken(story: Story, reply: Reply, meaning: Meaning, before: Sequence[Reply]) -> Iterator[str]:
    yield from _taken(story, reply, meaning, before)
    yield from _not_moved(story, reply, meaning, before)


def _gone(story: Story, reply: Reply, _meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    if any(life.lives_after(reply.heard_at) for life in story.lives):
        yield "Cal.com has a booking of it then, or gets one"


def _no_booking_meant(story: Story, reply: Reply, _meaning: Meaning, before: Sequence[Reply]) -> Iterator[str]:
    """A call that has a name means its own booking; one that has none, the booking of the start that is named."""
    for one in before:
        known = KEPT if reply.start is None else {Claim.BOOKED}
        theirs = [life for life in story.lives if reply.start in {None, life.start}]
        there = any(life.made <= one.heard_at and life.lives_after(reply.heard_at) for life in theirs)
        if claims_of(story.dealt, one) & known and (reply.start is None or there):
            yield f"it was told {one.said!r} before"
            return


def _nothing(_story: Story, _reply: Reply, _meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    yield from ()


def _out_of_place(_story: Story, _reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    yield f"{meaning.name} is out of place"


_CHECKS: Mapping[Claim, Callable[[Story, Reply, Meaning, Sequence[Reply]], Iterator[str]]] = {
    Claim.BOOKED: _booked,
    Claim.TAKEN: _taken,
    Claim.NOTED: _noted,
    Claim.STANDS: _stands,
    Claim.MOVE_TAKEN: _move_taken,
    Claim.NOT_MOVED: _not_moved,
    Claim.CANCELLED: _gone,
    Claim.UNKNOWN_BOOKING: _no_booking_meant,
    Claim.NOTHING: _nothing,
    Claim.OUT_OF_PLACE: _out_of_place,
}


def _at_the_end(story: Story) -> Iterator[str]:
    living = [life for life in story.lives if life.ended is None]
    if len(living) > 1:
        yield f"it has {len(living)} bookings at Cal.com"
    if story.ends.count("confirmed") != len(living):
        yield f"its rows are {', '.join(story.ends)}, and {len(living)} bookings live at Cal.com"
    if promised := _promised(story, CANCELLING):
        if living:
            yield f"it heard {promised!r}, and its booking lives"
    elif (promised := _promised(story, BOOKED_OR_NOTED)) and not living and not _may_be_gone(story):
        yield f"it heard {promised!r}, and has no booking: {', '.join(story.ends) or 'no row'}"
    elif (
        (promised := _promised(story, MOVING))
        and "refused" not in story.changes
        and any(life.start != WANTED for life in living)
    ):
        yield f"it heard {promised!r}, and its booking was not moved: {', '.join(story.changes) or 'no change'}"
    yield from _last_words(story, living)


def _may_be_gone(story: Story) -> bool:
    """Return whether its time was taken, or a cancel was done whose answer the call did not hear."""
    cancelled = any(reply.tool == "cancel" for reply in story.replies) and "cancelled" in story.ends
    return cancelled or "rejected" in story.ends


def _promised(story: Story, keys: Collection[Key]) -> str | None:
    """Return the first sentence that was made of one of these entries."""
    for reply in story.replies:
        if any(meaning.key in keys for meaning in meant(story.dealt, reply)):
            return reply.said
    return None


def _last_words(story: Story, living: Sequence[Life]) -> Iterator[str]:
    """When nothing moves any more, who has a booking hears that, and nobody hears that something is under way."""
    for reply in story.replies:
        claims = claims_of(story.dealt, reply)
        if reply.last and living and Claim.BOOKED not in claims:
            yield f"its booking lives, and its last word was {reply.said!r}"
        if reply.last and claims & {Claim.NOTED, Claim.STANDS, Claim.NOTHING}:
            yield f"nothing moves any more, and its last word was {reply.said!r}"


def retold(story: Story) -> Iterator[str]:
    """Tell a call line by line, for who looks for what went wrong."""
    dealt = story.dealt
    struck = f", {dealt.house}" if dealt.house else ""
    yield f"call {dealt.number}: {dealt.form}, {dealt.want}; Cal.com {dealt.calcom}, then {dealt.of_change}{struck}"
    for reply in story.replies:
        stored = "unknown" if reply.stored is None else ", ".join(sorted(reply.stored)) or "nothing"
        yield f"    {reply.asked_at:.3f} to {reply.heard_at:.3f} {reply.tool}: {reply.said!r}; stored: {stored}"
    for life in story.lives:
        yield f"    {life.made:.3f} to {life.ended or math.inf:.3f} at Cal.com: {life.start.isoformat()}"
    yield f"    rows: {', '.join(story.ends) or 'none'}; changes: {', '.join(story.changes) or 'none'}"
