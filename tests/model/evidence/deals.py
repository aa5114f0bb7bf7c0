"""What is searched: each event type with each key, and what was there before; each deal is a search of its own.

One worker, one retry, and one of the things that may happen (`fates`): each that the rule names is dealt, and with more
of them nothing more is found (`python -m tests.model --fates 2` searches for minutes).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from db.appointments.event_types import EventKind
from tasks.unknown.evidence import BY_EVIDENCE
from tests.model.evidence.kinds import TYPES, Key, Type
from tests.model.evidence.state import Fate


class Deal(NamedTuple):
    """What is dealt: an event type, a key, what was there before, and how much of what may happen does."""

    of: Type
    key: Key
    before: int = Fate.NONE
    fates: int = 1  # so many of them may happen
    may: int = ~Fate.SIGHTED  # of these


_BEFORE = {
    "a booking of his own": Fate.HIS_OWN,
    "a maximum": Fate.MAXIMUM,
    "a seat taken": Fate.SEATED,
    "both hosts busy": Fate.BUSY | Fate.OTHER_BUSY,
    "sent twice by a proxy": Fate.REPEATED,
}


def _deals() -> Iterator[tuple[str, Deal]]:
    for name, of in TYPES.items():
        blind = Key.OWN if of.round_robin else Key.NONE
        for key in (Key.ALL, blind, Key.BLANK):
            yield f"{name}, {key}", Deal(of, key)
        for what in _before(of):
            fates = 1 if what == "a seat taken" else 0
            yield f"{name}, {what}, {blind}", Deal(of, blind, _BEFORE[what], fates)
            if what in _BLANK and name == "seats":
                yield f"{name}, {what}, {Key.BLANK}", Deal(of, Key.BLANK, _BEFORE[what], fates)
    for name in "plain", "seats":
        yield f"{name}, sent twice by a proxy, {Key.ALL}", Deal(TYPES[name], Key.ALL, Fate.REPEATED, 0)
    yield f"round robin, {Key.ADMIN}", Deal(TYPES["round robin"], Key.ADMIN, fates=0)
    yield f"round robin, {Key.OWN}, then all", Deal(TYPES["round robin"], Key.OWN, may=Fate.SIGHTED)
    yield f"round robin x confirmation, {Key.STRANGE}", Deal(TYPES["round robin x confirmation"], Key.STRANGE)


def _before(of: Type) -> Iterator[str]:
    yield "a maximum"
    if of.known_type(Key.ALL).kind in BY_EVIDENCE or of.seats:
        yield "a booking of his own"
    if of.seats:
        yield "a seat taken"
    if of.round_robin and not of.confirms:
        yield "both hosts busy"


_BLANK = {"a booking of his own", "a maximum", "a seat taken"}
DEALS: Mapping[str, Deal] = MappingProxyType(dict(_deals()))


def of_kind(kind: EventKind) -> dict[str, Deal]:
    """Return the deals in which the product is shown this kind; of an unknown one where the key may not read it."""
    return {name: deal for name, deal in DEALS.items() if deal.of.known_type(deal.key).kind is kind}
