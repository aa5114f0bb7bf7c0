"""What is searched: each event type with each key, and what was there before; each deal is a search of its own.

One worker, one retry, and one of the things that may happen (`fates`): each that the rule names is dealt, and with more
of them nothing more is found (`python -m tests.model --fates 2` searches for minutes).
"""

from collections.abc import Iterator, Mapping
from itertools import product as each
from types import MappingProxyType
from typing import NamedTuple

from db.event_kind import EventKind, if_confirmed
from tasks.attempts.evidence import BY_EVIDENCE
from tests.model.evidence.kinds import TYPES, Key, Type
from tests.model.evidence.state import Fate


class Deal(NamedTuple):
    """What is dealt: an event type, a key, what was there before, and how much of what may happen does."""

    of: Type
    key: Key
    before: int = Fate.NONE
    fates: int = 1  # so many of them may happen
    may: int = ~(Fate.SWITCHED | Fate.ELSEWHERE | Fate.MISROUTED)  # of these


_BEFORE = {
    "a booking of his own": Fate.HIS_OWN,
    "a maximum": Fate.MAXIMUM,
    "a seat taken": Fate.SEATED,
    "both hosts busy": Fate.BUSY | Fate.OTHER_BUSY,
    "sent twice by a proxy": Fate.REPEATED,
}


def _deals() -> Iterator[tuple[str, Deal]]:
    for name, of in TYPES.items():
        blind = Key.NONE if of.personal else Key.HOST
        for key in (Key.ALL, blind, Key.BLANK) if of.personal else (blind, Key.BLANK):
            yield f"{name}, {key}", Deal(of, key)
        for what in _before(of):
            fates = 1 if what == "a seat taken" else 0
            yield f"{name}, {what}, {blind}", Deal(of, blind, _BEFORE[what], fates)
            if what in _BLANK and name == "seats":
                yield f"{name}, {what}, {Key.BLANK}", Deal(of, Key.BLANK, _BEFORE[what], fates)
        if if_confirmed(kind := of.known_type(blind).kind) is not kind:
            free = of._replace(free=True)
            yield f"{name} x free addresses, {blind}", Deal(free, blind, may=Fate.TAKER)
            yield f"{name} x free addresses, {Key.UNTOLD}", Deal(free, Key.UNTOLD, may=_SOME)
            yield f"{name}, {Key.UNTOLD}", Deal(of, Key.UNTOLD, may=_SOME)
    for name in "plain", "seats":
        yield f"{name}, sent twice by a proxy, {Key.ALL}", Deal(TYPES[name], Key.ALL, Fate.REPEATED, 0)
    for name in "plain", "round robin":
        yield f"{name}, {Key.ADMIN}", Deal(TYPES[name], Key.ADMIN, fates=0)
    for name in "collective", "round robin", "round robin x confirmation":
        yield f"{name}, switched, {Key.HOST}", Deal(TYPES[name], Key.HOST, may=Fate.SWITCHED)
    for name, key in each(("plain", "confirmation"), (Key.ALL, Key.NONE)):
        yield f"{name}, switched, {key}", Deal(TYPES[name], key, may=Fate.SWITCHED)
    for name in "plain", "round robin", "series":
        yield f"{name}, another Cal.com, {Key.ALL}", Deal(TYPES[name], Key.ALL, may=Fate.ELSEWHERE)
    for name in "plain", "seats", "series":
        yield f"{name}, another Cal.com that takes the key, {Key.ALL}", Deal(TYPES[name], Key.ALL, may=Fate.MISROUTED)


_SOME = Fate.BUSY | Fate.OTHER_BUSY | Fate.TAKER | Fate.SEATED | Fate.NARROWED


def _before(of: Type) -> Iterator[str]:
    yield "a maximum"
    if of.known_type(Key.ALL).kind in BY_EVIDENCE or of.seats:
        yield "a booking of his own"
    if of.seats:
        yield "a seat taken"
    if of.round_robin and not of.asks:
        yield "both hosts busy"


_BLANK = {"a booking of his own", "a maximum", "a seat taken"}
DEALS: Mapping[str, Deal] = MappingProxyType(dict(_deals()))


def of_kind(kind: EventKind) -> dict[str, Deal]:
    """Return the deals in which the product is shown this kind; of an unknown one where the key may not read it."""
    return {name: deal for name, deal in DEALS.items() if deal.of.known_type(deal.key).kind is kind}
