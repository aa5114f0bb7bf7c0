"""Deal telephone calls: who asks in which form for what, and what Cal.com and the house do meanwhile. One seed; pure.

Of each kind of thing all are dealt, shuffled, before any of them comes again.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from tasks.callers.sentences import SENTENCES

STRIKES = 48  # about so many
SELDOM = 4  # not more often than each so many calls
FIRST_TYPE = 5000
ZONE = ZoneInfo("Europe/Berlin")
START, OTHER, WANTED = (datetime(2030, 3, day, 10, tzinfo=ZONE) for day in (5, 6, 7))
"""What a caller asks for, what instead of it when it is taken, and where to it is moved."""
T = TypeVar("T")


class Form(StrEnum):
    """How an agent asks."""

    RETELL = "Retell, whole"
    ARGS = "Retell, args only"
    NAMELESS = "Retell, args only, no call_id"
    VAPI = "Vapi"


class Want(StrEnum):
    """What a caller wants."""

    BOOK = "books"
    ASK = "books and asks"
    MOVE = "books and moves"
    CANCEL = "books and cancels"
    RIVAL = "books what another call books"


class Calcom(StrEnum):
    """What Cal.com does with the first POST: of the booking, or of its change."""

    FAST = "answers"
    SLOW = "takes 4 s"
    LATE = "books, and answers after 4 s"
    HANGS = "books, then hangs"
    RESETS = "books, then resets"
    BREAKS = "books, then 500"
    FAILS = "500, nothing booked"
    TAKEN = "the slot is a stranger's"


class House(StrEnum):
    """What strikes while a call asks."""

    API = "API killed"
    API_BOOKING = "API killed between commit and answer"
    API_CHANGE = "API killed between a change's commit and answer"
    POSTGRES = "Postgres killed"
    POSTGRES_FROZEN = "Postgres frozen"
    OUTAGE = "outage of Cal.com"
    WORKER = "worker killed"
    WORKER_SENT = "worker killed when it is sent, not answered"
    WORKER_ANSWERED = "worker killed when it is answered"


class Patience(NamedTuple):
    """Say how long an agent waits, in seconds: what its address says, and (None: never) when it hangs up before."""

    within: float
    hangs_up: float | None = None


PAUSES = (0.0, 1.0, 2.5)  # seconds in which an agent says what it heard, before it asks again
PATIENCES = (Patience(2.5), Patience(1.0), Patience(10.0, 2.5))
FAULTS: Mapping[Calcom, Mapping[str, Any]] = {
    Calcom.SLOW: {"kind": "latency", "delay": 4.0},
    Calcom.LATE: {"kind": "latency", "delay": 4.0, "after": True},
    Calcom.HANGS: {"kind": "commit_then_hang"},
    Calcom.RESETS: {"kind": "commit_then_reset"},
    Calcom.BREAKS: {"kind": "commit_then_status", "name": "internal"},
    Calcom.FAILS: {"kind": "status", "name": "internal"},
}
"""The simulator's orders; what is dealt otherwise needs none."""


@dataclass(frozen=True, kw_only=True)
class DealtCall:
    """One call; `slot` is its own, or its rival's too. It repeats each thing `again` times, after `pause` seconds.

    `of_change` is what Cal.com does with the change. `processes`: which of the API's is asked, in turn. `house` strikes
    while it asks for its booking, or (`at_change`) for its change.
    """

    number: int
    slot: int
    form: Form
    language: str
    want: Want
    calcom: Calcom
    of_change: Calcom
    patience: Patience
    again: int
    pause: float
    processes: Sequence[int]
    house: House | None
    at_change: bool

    @property
    def email(self) -> str:
        """Return whose call it is."""
        return f"caller{self.number}@example.com"

    @property
    def event_type(self) -> int:
        """Return the event type of its slot, which has no other."""
        return FIRST_TYPE + self.slot

    @property
    def changes(self) -> bool:
        """Return whether the booking is moved or cancelled."""
        return self.want in {Want.MOVE, Want.CANCEL}


def deal(seed: int, calls: int) -> list[DealtCall]:
    """Deal so many calls."""
    decks = _Decks(seed)
    wants, houses, every = decks.of(Want), decks.of(House), max(SELDOM, calls // STRIKES)
    dealt: list[DealtCall] = []
    rival = False
    for number in range(calls):
        house = next(houses) if number % every == every // 2 else None
        want = Want.RIVAL if rival else next(wants)
        if house is House.API_CHANGE:
            want = decks.draw("changed", (Want.MOVE, Want.CANCEL))
        elif house is House.API_BOOKING and rival:
            want = Want.BOOK  # a rival may be refused before anything is committed for it
        slot = dealt[-1].slot if rival and want is Want.RIVAL else number
        rival = want is Want.RIVAL and not rival
        changes = want in {Want.MOVE, Want.CANCEL}
        dealt.append(
            DealtCall(
                number=number,
                slot=slot,
                form=decks.draw("form", tuple(Form)),
                language=decks.draw("language", tuple(SENTENCES)),
                want=want,
                calcom=decks.draw("calcom", tuple(Calcom)),
                of_change=decks.draw(f"of {want}", _of_change(want)),
                patience=decks.draw("patience", PATIENCES),
                again=decks.draw("again", (1, 2)),
                pause=decks.draw("pause", PAUSES),
                processes=[decks.draw("processes", (0, 1)) for _ in range(8)],
                house=house,
                at_change=house is House.API_CHANGE or (changes and decks.draw("when", (True, False))),
            )
        )
    return dealt


def _of_change(want: Want) -> tuple[Calcom, ...]:
    match want:
        case Want.MOVE:
            return tuple(Calcom)
        case Want.CANCEL:
            return tuple(one for one in Calcom if one is not Calcom.TAKEN)
    return (Calcom.FAST,)


class _Decks:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._by_name: dict[str, Iterator[Any]] = {}

    def of(self, cards: type[T]) -> Iterator[T]:
        """Deal the members of an enumeration for ever."""
        return self._endless(cards.__name__, tuple(cards))  # type: ignore[arg-type]  # an enumeration is one of its members

    def draw(self, name: str, cards: Sequence[T]) -> T:
        """Draw from a deck of this name."""
        if name not in self._by_name:
            self._by_name[name] = self._endless(name, cards)
        drawn: T = next(self._by_name[name])
        return drawn

    def _endless(self, name: str, cards: Sequence[T]) -> Iterator[T]:
        rng = random.Random(f"{self._seed} {name}")  # noqa: S311 - chance for calls, not for secrets
        return chain.from_iterable(rng.sample(cards, k=len(cards)) for _ in iter(int, 1))
