"""Hold what callers were told beside what lives at Cal.com, then and at the end: one judge for all faces. Pure.

A word is true if it was so at some moment between the question and the answer: what is known when the answer is made
may have changed at its end. What a person has done at Cal.com, the product may not know yet.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from db.lifecycle import FINAL, OVER, ChangeStatus, Status
from tests.chaos.books import Line
from tests.chaos.changes.books import Change
from tests.chaos.said.words import OPEN, Claim, Face, Word

CLOCKS = timedelta(milliseconds=5)  # Cal.com's books have milliseconds, and are read by another clock of the machine
_TAKEN_BACK = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED})
# What may be said after what was said for good; a seat that Cal.com has lost is booked again, and may be refused.
_AFTER: Mapping[str, Collection[str]] = {
    Status.CONFIRMED: FINAL,
    Status.REJECTED: {Status.CONFIRMED, Status.CANCELLED},
    Status.EXPIRED: {Status.CONFIRMED, Status.CANCELLED},
    Status.FAILED: FINAL,
}
_AFTER_OF_A_CHANGE: Mapping[str, Collection[str]] = {ChangeStatus.FAILED: OVER}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What there is of who was told: `lines` are their own in Cal.com's books, `changes` the wishes in our record.

    `weeks`: the uids of a series, whose wishes name the series or one of its weeks. `others`: what others have at
    Cal.com; None: refusals are dealt, too, so that nobody needs to have a time that is taken. `deeds`: the uids that
    people have changed there. `learned`: when our record learned where the booking is. `is_kept`: whether our record
    has a row.
    """

    lines: Sequence[Line] = ()
    weeks: Collection[str] = ()
    others: Sequence[Line] | None = None
    changes: Sequence[Change] = ()
    deeds: Collection[str] = ()
    learned: Sequence[datetime] = ()
    is_kept: bool = True

    def by_hand(self, line: Line) -> bool:
        """Return whether a person has ended it at Cal.com: no wish of ours was there that may have done so."""
        ours = (one.asked for one in self.wishes(line.uid) if one.asked)
        return line.uid in self.deeds and line.ended is not None and not any(asked <= line.ended for asked in ours)

    def wishes(self, uid: str) -> Iterator[Change]:
        """Yield the wishes that one of their bookings be changed; a wish of a series is one of each week."""
        return (one for one in self.changes if one.from_uid == uid or uid in self.weeks)

    def is_known(self, ended: datetime, at: datetime) -> bool:
        """Return whether our record had learned by a moment of what ended before; what is not committed, had not."""
        return any(ended <= learned <= at - OPEN for learned in self.learned)


def untrue(words: Sequence[Word], facts: Facts) -> Iterator[tuple[Word, str]]:
    """Find what one caller was told and was not so, or did not stay so, or was told differently for good.

    `words` are about one booking, or of one call; of the same complaints the first one is told.
    """
    in_order = sorted(words, key=lambda word: word.heard)
    seen = set()
    for word, why in _all(in_order, facts):
        if (key := (word.face, word.status, word.claim, word.start, word.change, why)) not in seen:
            seen.add(key)
            yield word, why


def _all(words: Sequence[Word], facts: Facts) -> Iterator[tuple[Word, str]]:
    for word in words:
        for why in CHECKS[word.claim](word, words, facts):
            yield word, why
    yield from _told_differently(words)
    yield from _not_taken_back(words)


def _booked(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    yield from _lives(word, word.start, facts)
    yield from _not_stayed(word, word.start, facts)


def _moved(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    if not any(line.start == word.start and line.made <= word.heard for line in facts.lines):
        yield "Cal.com had no such booking until then"


def _taken(word: Word, words: Sequence[Word], facts: Facts) -> Iterator[str]:
    if facts.others is not None:
        began = words[0].asked
        if not any(line.start == word.start and _lived(line, began, word.heard) for line in facts.others):
            yield "nobody else had that time by then"
    yield from _not_booked(word, words, facts)


def _noted(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    if word.is_stored is False or not facts.is_kept:
        yield "it was not stored by then"


def _stands(word: Word, words: Sequence[Word], facts: Facts) -> Iterator[str]:
    yield from _noted(word, words, facts)
    yield from _lives(word, word.old, facts)


def _not_moved(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    yield from _lives(word, word.old, facts)
    yield from _not_stayed(word, word.old, facts)


def _move_taken(word: Word, words: Sequence[Word], facts: Facts) -> Iterator[str]:
    yield from _taken(word, words, facts)
    yield from _not_moved(word, words, facts)


def _not_there(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    """What another wish has brought there, or a person, is none of this one's."""
    wanted = word.start or next((one.wanted for one in facts.changes if one.id == word.change), None)
    others = {one.to_uid for one in facts.changes if one.id != word.change}
    for line in facts.lines:
        by_hand = line.moved_from is not None and line.moved_from in facts.deeds
        if line.start == wanted and not line.over(word.heard) and line.uid not in others and not by_hand:
            yield f"{_there(line, word.heard)} at Cal.com as {line.uid}"


def _not_booked(word: Word, words: Sequence[Word], facts: Facts) -> Iterator[str]:
    """What a later callback takes back was untrue, and its caller knows it."""
    if any(later.corrects and later.heard > word.heard for later in words):
        return
    for line in facts.lines:
        if word.start in {None, line.start} and not line.over(word.heard):
            yield f"{_there(line, word.heard)} at Cal.com as {line.uid}"


def _gone(word: Word, _words: Sequence[Word], facts: Facts) -> Iterator[str]:
    for line in facts.lines:
        if not line.over(word.heard):
            yield f"{_there(line, word.heard)} at Cal.com as {line.uid}"


def _nothing(_word: Word, _words: Sequence[Word], _facts: Facts) -> Iterator[str]:
    yield from ()


CHECKS: Mapping[Claim, Callable[[Word, Sequence[Word], Facts], Iterator[str]]] = {
    Claim.BOOKED: _booked,
    Claim.MOVED: _moved,
    Claim.TAKEN: _taken,
    Claim.NOTED: _noted,
    Claim.STANDS: _stands,
    Claim.MOVE_TAKEN: _move_taken,
    Claim.NOT_MOVED: _not_moved,
    Claim.NOT_THERE: _not_there,
    Claim.NOT_BOOKED: _not_booked,
    Claim.CANCELLED: _gone,
    Claim.UNKNOWN_BOOKING: _nothing,
    Claim.NOTHING: _nothing,
    Claim.OUT_OF_PLACE: _nothing,
}


def _lives(word: Word, start: str | None, facts: Facts) -> Iterator[str]:
    """Find that no booking of theirs was there at that start: nothing but a person may have ended it unheard."""
    theirs = _of_start(facts, start, word.heard)
    since = _since(word, facts)
    if any(_lived(line, since, word.heard) for line in theirs):
        return
    ended = [(line, line.ended) for line in theirs if line.ended is not None]
    if not any(facts.by_hand(line) and not facts.is_known(at, word.asked) for line, at in ended):
        seen = ", ".join(f"{line.uid} ended at {at.isoformat()}" for line, at in ended)
        yield f"Cal.com has no such booking then ({seen or 'nor had it before'})"


def _since(word: Word, facts: Facts) -> datetime:
    """Return from when on a word may be of the world as it was: a change under way may have waited for another one."""
    since = word.asked if word.since is None else word.since
    if word.since == word.asked:
        return since
    under_way = (one.asked for one in facts.changes if one.asked and not _was_over(one, since - OPEN))
    return min([since, *under_way])


def _was_over(change: Change, at: datetime) -> bool:
    return any(ended <= at for ended, _ in change.ends)


def _not_stayed(word: Word, start: str | None, facts: Facts) -> Iterator[str]:
    """Find that what was said for good has ended, and that nobody had asked for it, nor done it at Cal.com."""
    theirs = _of_start(facts, start, word.heard)
    unasked = (line.uid not in facts.deeds and not any(facts.wishes(line.uid)) for line in theirs if line.ended)
    if theirs and all(line.ended for line in theirs) and all(unasked):
        yield f"{theirs[-1].uid} has ended since, and nobody has asked for it"


def _told_differently(words: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """Find two ends of one booking, or of one change, of which the second cannot come after the first."""
    before = defaultdict[tuple[int, int | None], list[Word]](list)
    for word in sorted((word for word in words if word.is_final), key=lambda word: word.asked):
        told = before[word.booking, word.change]
        after = _AFTER if word.change is None else _AFTER_OF_A_CHANGE
        for first in told:
            if first.heard <= word.asked and word.status not in {first.status, *after.get(first.status, ())}:
                yield word, f"{first.face} had said {first.status} for good"
                break
        told.append(word)


def _not_taken_back(words: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """Find a callback that says otherwise than the one before it, and does not say that it takes it back."""
    callbacks = [one for one in words if one.face is Face.CALLBACK and one.change is None and one.is_final]
    in_order = sorted(callbacks, key=lambda word: word.asked)
    for before, word in pairwise(in_order):
        if before.status in _TAKEN_BACK and word.claim is Claim.BOOKED and word.corrects is None:
            yield word, f"the callback before it said {before.status}, and this one does not take it back"


def _of_start(facts: Facts, start: str | None, heard: datetime) -> list[Line]:
    """Return what of theirs was at a start, or at any, made by then; an attendee without a seat is not booked."""
    return [line for line in facts.lines if start in {None, line.start} and line.made <= heard and not line.half_made]


def _lived(line: Line, begin: datetime, end: datetime) -> bool:
    """Return whether it was there at some moment of a period."""
    return line.made <= end and not line.over(begin - CLOCKS)


def _there(line: Line, at: datetime) -> str:
    return "there then" if line.lived(at) else "booked later"
