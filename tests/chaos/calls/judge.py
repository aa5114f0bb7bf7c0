"""Read what agents heard, have it judged as every word to a caller is, and judge what only a call is promised. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from booking_client.states import ChangeKind
from tasks.callers.sentences import Said
from tasks.changes.ask.spoken import SaidOfChange
from tests.chaos.books import Line
from tests.chaos.calls.deal import OTHER, START, WANTED, ZONE, DealtCall
from tests.chaos.calls.hearing import Key, Meaning, meanings
from tests.chaos.said import judge as said
from tests.chaos.said.judge import CHECKS, Facts
from tests.chaos.said.words import Claim, Face, Word, of_retell, written

STARTS = (START, OTHER, WANTED)
KEPT = {Claim.BOOKED, Claim.NOTED, Claim.STANDS}  # these say that there is a booking, or will be
BOOKING = "booking"
_C = SaidOfChange
_STORED: Mapping[Key, str] = {
    _C.MOVE_NOTED: ChangeKind.RESCHEDULE,
    _C.MOVE_OUTAGE: ChangeKind.RESCHEDULE,
    _C.MOVE_BUSY: ChangeKind.RESCHEDULE,
    _C.CANCEL_NOTED: ChangeKind.CANCEL,
    _C.CANCEL_OUTAGE: ChangeKind.CANCEL,
    _C.CANCEL_BUSY: ChangeKind.CANCEL,
}
"""What is stored when something is said to be noted; all else is of a booking."""
_OF_A_START = {Claim.BOOKED, Claim.TAKEN, Claim.MOVE_TAKEN}  # in these the first time is where it is, or is not to be
BOOKED_OR_NOTED: Collection[Key] = {
    Said.DONE, Said.AGAIN, Said.UNDER_WAY, Said.OUTAGE, Said.BUSY, Said.BEHIND, Said.OPERATOR,
}  # fmt: skip
MOVING: Collection[Key] = {_C.MOVED, _C.MOVED_ALREADY, _C.MOVE_NOTED, _C.MOVE_OUTAGE, _C.MOVE_BUSY}
CANCELLING: Collection[Key] = {
    Said.CANCELLED, _C.CANCELLED, _C.CANCELLED_ALREADY, _C.CANCEL_NOTED, _C.CANCEL_OUTAGE,
    _C.CANCEL_BUSY,
}  # fmt: skip


@dataclass(frozen=True)
class About:
    """What an answer of Retell's says beside its sentence: of which booking it is, and how and where that stands."""

    booking: int
    status: str
    start: str

    @classmethod
    def of(cls, booking: int | None, status: str | None, start: str | None) -> "About | None":
        """Return what is said; None: the sentence is about no booking, or comes without it."""
        return None if booking is None or status is None or start is None else cls(booking, status, start)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came of one use of a tool. `said` None: the agent hung up, or its connection broke.

    `start`: the start that was named. `stored`: what was there of this call right after the answer, its booking and the
    kinds of its changes; None: Postgres could not be asked. `wrong`: what was answered is no answer. `last`: nothing
    moved any more.
    """

    tool: str
    start: datetime | None
    asked_at: datetime
    heard_at: datetime
    said: str | None = None
    about: About | None = None
    stored: frozenset[str] | None = None
    wrong: str | None = None
    last: bool = False


@dataclass(frozen=True)
class Story:
    """One call: what was dealt, what it heard in order, and what the world has of it, and of others of its event type.

    `ends` are the states of its rows at the end, `changes` those of their changes.
    """

    dealt: DealtCall
    replies: Sequence[Reply]
    facts: Facts = field(default_factory=Facts)
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
    for word, why in said.untrue(list(_words(story)), story.facts):
        yield f"call {story.dealt.number}: {word.words()}: {why}"
    yield from (f"call {story.dealt.number}: {wrong}" for wrong in _at_the_end(story))


def _words(story: Story) -> Iterator[Word]:
    """Yield what each reply claims: of entries with the same words the one that is true, if there is one."""
    heard: list[Word] = []
    for reply in story.replies:
        silence = Word(
            face=Face.VOICE,
            booking=story.dealt.number,
            claim=Claim.NOTHING,
            asked=reply.asked_at,
            heard=reply.heard_at,
            since=reply.asked_at,
            status="silence",
        )
        found = [_word(silence, reply, meaning) for meaning in meant(story.dealt, reply)] or [silence]
        true = (one for one in found if not any(CHECKS[one.claim](one, [*heard, one], story.facts)))
        heard.append(next(true, found[0]))
        if reply.about is not None:
            heard.append(of_retell(vars(reply.about), reply.asked_at, reply.heard_at))
    yield from heard


def _word(silence: Word, reply: Reply, meaning: Meaning) -> Word:
    time = meaning.time if meaning.claim in _OF_A_START else None
    return replace(
        silence,
        claim=meaning.claim,
        status=meaning.name,
        start=None if time is None else written(time),
        old=None if meaning.old is None else written(meaning.old),
        is_stored=None if reply.stored is None else _STORED.get(meaning.key, BOOKING) in reply.stored,
    )


def _of_reply(story: Story, reply: Reply, before: Sequence[Reply]) -> Iterator[str]:
    """Find what is no answer, or out of its place in a call."""
    if reply.wrong is not None:
        yield reply.wrong
    if reply.said is None:
        return
    found = meant(story.dealt, reply)
    if not found:
        yield "no table has this sentence"
        return
    wrong = [list(_CHECKS.get(meaning.claim, _nothing)(story, reply, meaning, before)) for meaning in found]
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


def _no_booking_meant(story: Story, reply: Reply, _meaning: Meaning, before: Sequence[Reply]) -> Iterator[str]:
    """A call that has a name means its own booking; one that has none, the booking of the start that is named."""
    named = None if reply.start is None else written(reply.start)
    for one in before:
        known = KEPT if named is None else {Claim.BOOKED}
        theirs = [line for line in story.facts.lines if named in {None, line.start}]
        there = any(line.made <= one.heard_at and not line.over(reply.heard_at) for line in theirs)
        if claims_of(story.dealt, one) & known and (named is None or there):
            yield f"it was told {one.said!r} before"
            return


def _out_of_place(_story: Story, _reply: Reply, meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    yield f"{meaning.name} is out of place"


def _nothing(_story: Story, _reply: Reply, _meaning: Meaning, _before: Sequence[Reply]) -> Iterator[str]:
    yield from ()


_CHECKS: Mapping[Claim, Callable[[Story, Reply, Meaning, Sequence[Reply]], Iterator[str]]] = {
    Claim.UNKNOWN_BOOKING: _no_booking_meant,
    Claim.OUT_OF_PLACE: _out_of_place,
}


def _at_the_end(story: Story) -> Iterator[str]:
    living = [line for line in story.facts.lines if line.ended is None]
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
        and any(line.start != written(WANTED) for line in living)
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


def _last_words(story: Story, living: Sequence[Line]) -> Iterator[str]:
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
        asked, heard = reply.asked_at.isoformat(), reply.heard_at.isoformat()
        yield f"    {asked} to {heard} {reply.tool}: {reply.said!r}; stored: {stored}"
    for line in story.facts.lines:
        ended = "now" if line.ended is None else line.ended.isoformat()
        yield f"    {line.made.isoformat()} to {ended} at Cal.com as {line.uid}: {line.start}"
    yield f"    rows: {', '.join(story.ends) or 'none'}; changes: {', '.join(story.changes) or 'none'}"
