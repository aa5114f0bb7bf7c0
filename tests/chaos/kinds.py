"""What the fire suite asks for of all kinds: event types of two hosts, and who wants which of their times.

Every request has an hour of these hosts to itself, but for those that are meant to meet: several for one seated booking
or one pair of hosts, two on a day that takes one, two of one person where one is the most. Series have hours of the
week of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from booking_client.request.model import BookingRequest

HOST, OTHER, THIRD = "host801", "host802", "host803"  # whose key is used, the one beside, and who comes for him
TEAM = [OTHER, HOST]  # so that the key's user attends the collectives, and organizes none
FREE = "example.org"  # what the table of this Cal.com has, of which a type with the column asks its host
EIGHT = 8  # weeks of a series
AHEAD = 10**6  # hours: nothing is so far ahead that it need not be confirmed
FIRST_ID, BESIDE_ID = 301, 391

_TEAM: dict[str, Any] = {"hosts": TEAM, "team_slug": "team"}
_WEEKLY: dict[str, Any] = {"recurrences": EIGHT}
_MAXIMUM: dict[str, Any] = {"active_bookings": 1}

# Each kind as the simulator is told of it (`POST /_event_types`); what is not said is as of a plain type.
KINDS: dict[str, dict[str, Any]] = {
    "limit": {"bookings_a_day": 1},
    "round robin, limit": {"kind": "round_robin", "bookings_a_day": 1, **_TEAM},
    "maximum": _MAXIMUM,
    "maximum, named": {"offers_reschedule": True, **_MAXIMUM},
    "round robin, maximum": {"kind": "round_robin", "offers_reschedule": True, **_MAXIMUM, **_TEAM},
    "plain": {},
    "60 minutes": {"length": 60},
    "phone-only": {"email_required": False, "phone_required": True},
    "confirmation": {"kind": "confirm"},
    "threshold": {"kind": "threshold", "threshold_hours": AHEAD},
    "seats": {"kind": "seats", "seats": 3},
    "seats, hidden": {"kind": "seats", "attendees_shown": False},
    "seats x confirmation": {"kind": "seats+confirm"},
    "round robin": {"kind": "round_robin", **_TEAM},
    "round robin, phone-only": {"kind": "round_robin", "email_required": False, **_TEAM},
    "round robin x confirmation": {"kind": "round_robin+confirm", **_TEAM},
    "round robin x threshold": {"kind": "round_robin+threshold", "threshold_hours": AHEAD, **_TEAM},
    "round robin x seats": {"kind": "round_robin+seats", "seats": 2, **_TEAM},
    "collective": {"kind": "collective", **_TEAM},
    "collective x confirmation": {"kind": "collective+confirm", **_TEAM},
    "recurring": {"kind": "recurring", **_WEEKLY},
    "recurring, cut": {"kind": "recurring", **_WEEKLY},  # its window ends in the middle: `event_types`
    "recurring x confirmation": {"kind": "recurring+confirm", **_WEEKLY},
    "round robin x recurring": {"kind": "round_robin+recurring", **_TEAM, **_WEEKLY},
    "collective x recurring": {"kind": "collective+recurring", **_TEAM, **_WEEKLY},
}
IDS = {kind: FIRST_ID + n for n, kind in enumerate(KINDS)}
KIND_OF = {number: kind for kind, number in IDS.items()}
WEEKS = {IDS[kind]: order["recurrences"] for kind, order in KINDS.items() if "recurrences" in order}
# Of which kinds the column is on, in the part that has it.
COLUMN = frozenset(
    {"60 minutes", "collective", "round robin", "seats, hidden", "round robin x seats", "round robin x recurring"}
)
PERSONAL = frozenset(kind for kind, order in KINDS.items() if "team_slug" not in order)
# A plain type of each host: for those who want to find him busy.
BESIDE = {HOST: BESIDE_ID, OTHER: BESIDE_ID + 1}


@dataclass(frozen=True)
class Place:
    """One place of the deck: its kind, and the first place with whose hour, or whose person, it shares."""

    kind: str
    hour: int
    person: int


def _deck() -> Iterator[Place]:
    """Yield what is asked for in one round: requests of a kind at one hour, or each at its own.

    At the end comes who finds the one booking of a day, or of a person, taken: the first is booked by then.
    """
    at_one = {"plain": 2, "seats": 4, "seats, hidden": 2, "seats x confirmation": 2, "round robin": 3}
    at_one |= {"round robin x seats": 5, "round robin x confirmation": 2}
    several = {"plain": 2, "round robin": 2, "round robin x confirmation": 2, "phone-only": 2, "collective": 2}
    place, second = 0, []
    for kind, order in KINDS.items():
        for n in range(at_one.get(kind, 0)):
            yield Place(kind, place, place + n)
        place += at_one.get(kind, 0)
        for _ in range(several.get(kind, 0 if kind in at_one else 1)):
            yield Place(kind, place, place)
            place += 1
        if "bookings_a_day" in order or "active_bookings" in order:
            second.append((kind, place - 1))
    for kind, first in second:
        yield Place(kind, place, first if "active_bookings" in KINDS[kind] else place)
        place += 1


DECK = tuple(_deck())
_SERIES = [place for place, one in enumerate(DECK) if IDS[one.kind] in WEEKS]
_HOURS = datetime(2030, 1, 7, tzinfo=UTC)
_WEEK_HOURS = datetime(2032, 1, 5, tzinfo=UTC)
_CUT_HOURS, _CUT = datetime(2031, 5, 5, tzinfo=UTC), date(2031, 6, 2)  # four weeks later


def event_types(today: date, *, column: bool = False) -> list[dict[str, Any]]:
    """Return the orders for all of them; `column`: some ask their hosts about free addresses."""
    orders: list[dict[str, Any]] = [
        {
            "hosts": [HOST],
            "slug": f"kind-{IDS[kind]}",
            "confirms_free_email": column and kind in COLUMN,
            **order,
            "id": IDS[kind],
        }
        for kind, order in KINDS.items()
    ]
    cut = {"id": IDS["recurring, cut"], "window_days": (_CUT - today).days}
    beside = [{"id": number, "slug": f"beside-{number}", "hosts": [host]} for host, number in BESIDE.items()]
    return [order | cut if order["id"] == cut["id"] else order for order in orders] + beside


def request(number: int) -> BookingRequest:
    """Ask for what is of this number; every third brings a key of its own."""
    round_, place = divmod(number, len(DECK))
    one = DECK[place]
    person = round_ * len(DECK) + one.person
    address = {"phone_number": f"+1202555{person % 10_000:04}"} if "phone" in one.kind else {}
    domain = FREE if person % 2 else "example.com"
    email = {} if address else {"email": f"pat{person}@{domain}"}
    return BookingRequest.parse(
        {
            "event_type_id": IDS[one.kind],
            "start": _start(round_, place),
            "attendee": {"name": "Pat Example", "time_zone": "UTC", **email, **address},
            **({"idempotency_key": f"fire-{number}"} if number % 3 == 0 else {}),
        }
    )


def _start(round_: int, place: int) -> datetime:
    one = DECK[place]
    if one.kind == "recurring, cut":
        return _CUT_HOURS + timedelta(hours=round_)
    if place in _SERIES:
        return _WEEK_HOURS + timedelta(hours=round_ * len(_SERIES) + _SERIES.index(place))
    return _HOURS + timedelta(hours=round_ * len(DECK) + one.hour)
