"""The cells of the rule: all that its functions can say, to whatever they are asked, and which of them cannot occur."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product as each

from db.event_kind import EventKind
from tasks.attempts.evidence import (
    BY_EVIDENCE,
    SEATED,
    Case,
    after_absence,
    after_evidence,
    after_refusal,
    before_lookup,
)
from tasks.calcom.reply import ReplyKind
from tasks.calcom.slots import Slot
from tests.model.dealt import REPLIES
from tests.model.product import Cell
from tests.support.calcom.answers import REFUSALS

_YES_OR_NO = (False, True)


def of_unseen() -> Iterator[Cell]:
    """Yield what may be done before a deciding look: by kind."""
    for kind, unseen in each(EventKind, _YES_OR_NO):
        case = Case(kind=kind, sight=True, settled=True, ended=False, unseen=unseen)
        yield "unseen", kind, before_lookup(case)


def of_absence() -> Iterator[Cell]:
    """Yield what may follow a deciding look: by kind, sight, and whether absence may end the row by now."""
    slots, refusals = (None, *Slot), (None, *ReplyKind)
    for kind, sight, ended, slot, refusal in each(EventKind, _YES_OR_NO, _YES_OR_NO, slots, refusals):
        for flags in each(_YES_OR_NO, repeat=6):
            names = ("unclear", "cancel", "near", "may_retry", "outage", "waited")
            facts = dict(zip(names, flags, strict=True))
            case = Case(kind=kind, sight=sight, settled=True, ended=ended, slot=slot, refusal=refusal, **facts)
            yield "absence", kind, sight, ended, after_absence(case)
            if slot is Slot.UNAVAILABLE:
                yield "absence", kind, sight, ended, after_absence(replace(case, taker=True))
    for kind, sight, ended, another in each(EventKind, _YES_OR_NO, _YES_OR_NO, (None, False, True)):
        case = Case(kind=kind, sight=sight, settled=True, ended=ended, missing=True, another=another)
        yield "absence", kind, sight, ended, after_absence(case)


def of_evidence() -> Iterator[Cell]:
    """Yield what each refusal of an evidence POST says, by kind; what is booked or unknown it is never asked about."""
    for kind, (name, reply) in each(BY_EVIDENCE, REPLIES.items()):
        if reply.kind not in REFUSALS:
            continue
        foreign, named = name == "201 of his own", {"ours": True, "other": False}.get(reply.uid or "")
        for seated, ours in each(_YES_OR_NO, (None, named)):
            act = after_evidence(kind, reply, foreign=foreign, address_seated=seated, named_is_ours=ours)
            yield "evidence", kind, name, act


def of_refusal() -> Iterator[Cell]:
    """Yield what each refusal may do to a row that was never unknown, by kind, and whether it is a series."""
    for kind, reply, looked, slot, may_retry in each(EventKind, REPLIES.values(), _YES_OR_NO, Slot, _YES_OR_NO):
        if reply.kind not in REFUSALS:
            continue
        for recurs in _SERIES.get(kind, (False,)):
            facts = {"recurs": recurs, "looked": looked, "slot": slot, "may_retry": may_retry}
            may = after_refusal(reply.kind, kind, status=reply.http_status, **facts)
            yield "refusal", kind, recurs, reply.kind, may


_SERIES = {EventKind.ROUND_ROBIN_SERIES: (True,), EventKind.OTHER: _YES_OR_NO}
_OF_TEAMS = frozenset(
    {
        EventKind.COLLECTIVE,
        EventKind.ROUND_ROBIN,
        EventKind.ROUND_ROBIN_SEATS,
        EventKind.ROUND_ROBIN_SERIES,
        EventKind.UNKNOWN,
    }
)
_FIND_NOTHING = frozenset({EventKind.PLAIN, EventKind.COLLECTIVE, EventKind.SEATS})
_WITHOUT_SEATS = frozenset(EventKind) - SEATED - {EventKind.OTHER, EventKind.UNKNOWN}


@cache
def all_cells() -> frozenset[Cell]:
    """Return all of them: a second's work, for those who ask."""
    return frozenset((*of_unseen(), *of_absence(), *of_evidence(), *of_refusal()))


def why_it_cannot_occur(cell: Cell) -> str | None:  # noqa: PLR0911 - one return a reason
    """Say why a cell never occurs; None: it may."""
    match cell:
        case ("absence", kind, True, _, _) if kind in _OF_TEAMS:
            return "nobody has sight of a team's type, nor of one that he may not read"
        case ("evidence", EventKind.SEATS, str(name), _) if name.startswith("201 of"):
            return "Cal.com looks for no earlier booking of an attendee of a type with seats: it is signed up"
        case ("evidence", EventKind.ROUND_ROBIN_SEATS, "201 of a guest's", _):
            return "a booking with seats has no guests"
        case ("evidence", kind, "201 that shows nobody", _) if kind is not EventKind.ROUND_ROBIN_SEATS:
            return "only seats hide their attendees, and only a round robin of seats gives an earlier one back"
        case ("evidence", kind, "full", _) if kind not in SEATED:
            return "it has no seats"
        case ("evidence", kind, "signed up", _) if kind is not EventKind.SEATS:
            return "it has no seats, or an earlier booking is given back first"
        case ("refusal", kind, _, ReplyKind.EXISTING_BOOKING, _) if kind in _FIND_NOTHING:
            return "Cal.com looks for no earlier booking of an attendee"
        case ("refusal", kind, recurs, ReplyKind.FULL | ReplyKind.SIGNED_UP, _) if recurs or kind in _WITHOUT_SEATS:
            return "it has no seats; a series with seats is not dealt, for nothing is known of one"
        case ("refusal", EventKind.ROUND_ROBIN_SEATS, _, ReplyKind.SIGNED_UP, _):
            return "an earlier booking is given back first"
    return None
