"""Know which entry of the fixed tables a sentence was made of, and what the entry claims.

Each table is rendered with all times of a call, and a sentence is looked up whole: nothing is read out of its words.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from tasks.callers.sentences import SENTENCES, Said, spoken
from tasks.changes.ask.spoken import CHANGE_SENTENCES, SaidOfChange
from tests.chaos.said.words import Claim
from worker.api.voice.sentences import ASKED, Asked

Key = Said | SaidOfChange | Asked


CLAIMS: Mapping[Key, Claim] = {
    Said.DONE: Claim.BOOKED,
    Said.AGAIN: Claim.BOOKED,
    Said.UNDER_WAY: Claim.NOTED,
    Said.OUTAGE: Claim.NOTED,
    Said.BUSY: Claim.NOTED,
    Said.BEHIND: Claim.NOTED,
    Said.OPERATOR: Claim.NOTED,
    Said.TAKEN: Claim.TAKEN,
    Said.CANCELLED: Claim.CANCELLED,
    Said.NOT_ACCEPTED: Claim.NOTHING,
    SaidOfChange.MOVED: Claim.BOOKED,
    SaidOfChange.MOVED_ALREADY: Claim.BOOKED,
    SaidOfChange.MOVE_NOTED: Claim.NOTED,
    SaidOfChange.MOVE_OUTAGE: Claim.STANDS,
    SaidOfChange.MOVE_BUSY: Claim.STANDS,
    SaidOfChange.MOVE_TAKEN: Claim.MOVE_TAKEN,
    SaidOfChange.MOVE_REFUSED: Claim.NOT_MOVED,
    SaidOfChange.CANCELLED: Claim.CANCELLED,
    SaidOfChange.CANCELLED_ALREADY: Claim.CANCELLED,
    SaidOfChange.CANCEL_NOTED: Claim.NOTED,
    SaidOfChange.CANCEL_OUTAGE: Claim.STANDS,
    SaidOfChange.CANCEL_BUSY: Claim.STANDS,
    SaidOfChange.CANCEL_REFUSED: Claim.NOT_MOVED,
    SaidOfChange.CANCEL_FAILED: Claim.NOT_MOVED,
    SaidOfChange.OPERATOR: Claim.NOTED,
    Asked.STILL_AT_IT: Claim.NOTHING,
    Asked.WHICH: Claim.UNKNOWN_BOOKING,
    Asked.NOT_FOUND: Claim.UNKNOWN_BOOKING,
}
"""The entries that a dealt call may hear.

Any other one is out of place: a question for what was said, and a refusal, for a time that is not taken is booked at
last.
"""


class Meaning(NamedTuple):
    """Hold an entry with the times in it: of the booking or the wish, and of the booking as it stands."""

    key: Key
    time: datetime | None = None
    old: datetime | None = None

    @property
    def claim(self) -> Claim:
        """Return what is claimed."""
        return CLAIMS.get(self.key, Claim.OUT_OF_PLACE)

    @property
    def name(self) -> str:
        """Return the name of the entry."""
        return f"{type(self.key).__name__}.{self.key.name}"


@cache
def meanings(language: str, zone: str, starts: Sequence[datetime]) -> Mapping[str, Sequence[Meaning]]:
    """Return what each sentence of a call with these starts means; two entries may have the same words."""
    found: dict[str, list[Meaning]] = {}
    for text, meaning in _rendered(language, zone, starts):
        found.setdefault(text, []).append(meaning)
    return found


def _rendered(language: str, zone: str, starts: Sequence[datetime]) -> Iterator[tuple[str, Meaning]]:
    times = {start: spoken(start, zone, language) for start in starts}
    one_time: Mapping[Key, str] = {**SENTENCES[language], **ASKED[language]}
    for key, text in one_time.items():
        if "{time}" not in text:
            yield text, Meaning(key)
        else:
            yield from ((text.format(time=words), Meaning(key, start)) for start, words in times.items())
    for said, text in CHANGE_SENTENCES[language].items():
        if "{" not in text:
            yield text, Meaning(said)
        else:
            for start, words in times.items():
                olds = times.items() if "{old}" in text else [(None, "")]
                yield from ((text.format(time=words, old=before), Meaning(said, start, old)) for old, before in olds)
