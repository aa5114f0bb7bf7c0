"""The event types that the model of evidence deals, and the keys: what the product is shown of either."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from db.appointments.event_types import EventKind
from tasks.calcom.event_types import EventTypeFacts, Host, Scheduling
from tests.model.dealt import KnownType

USER, ANOTHER = 1, 2  # our key's user, and another host


class Key(StrEnum):
    """Say what our key is shown; a POST needs none of it."""

    ALL = "sees all"  # its user owns the type, or is a host of each of its bookings
    OWN = "sees its host's own"  # its user is one of several round-robin hosts
    NONE = "sees none"  # an owner, admin or member of the team who hosts nothing: may read the type all the same
    ADMIN = "sees all, by no role"  # as on the hosted service, perhaps: an answer must show it
    STRANGE = "sees all, and may not read the type"
    BLANK = "sees nothing"  # and may not read the type, as when it has lost its permission


class Type(NamedTuple):
    """An event type, in Cal.com's words."""

    scheduling: Scheduling = Scheduling.PERSONAL
    seats: bool = False
    confirms: bool = False
    recurs: bool = False

    @property
    def round_robin(self) -> bool:
        """Say whether one of two hosts is chosen."""
        return self.scheduling is Scheduling.ROUND_ROBIN

    @property
    def dedupes(self) -> bool:
        """Say whether Cal.com looks for the attendee's booking before it looks for a free host (10 of 10)."""
        return self.round_robin or self.confirms

    def known_type(self, key: Key) -> KnownType:
        """Return what the product makes of what Cal.com shows this key of the type."""
        if key in {Key.BLANK, Key.STRANGE}:
            return KnownType(EventKind.UNKNOWN, sight=False)
        facts = EventTypeFacts(
            calcom_id=101,
            scheduling=self.scheduling,
            owner_id=USER if key is Key.ALL else ANOTHER,
            hosts=_HOSTS[key],
            seats=self.seats,
            occurrences=8 if self.recurs else None,
            confirms=self.confirms,
            price=False,
        )
        return KnownType(facts.kind, facts.has_sight(USER), self.seats, self.recurs)


_ROUND_ROBIN, _COLLECTIVE = Scheduling.ROUND_ROBIN, Scheduling.COLLECTIVE
_HOSTS: Mapping[Key, tuple[Host, ...]] = MappingProxyType(
    {
        Key.ALL: (Host(USER, mandatory=True), Host(ANOTHER, mandatory=False)),
        Key.OWN: (Host(USER, mandatory=False), Host(ANOTHER, mandatory=False)),
        Key.NONE: (Host(3, mandatory=False), Host(ANOTHER, mandatory=False)),
        Key.ADMIN: (Host(3, mandatory=False), Host(ANOTHER, mandatory=False)),
    }
)
TYPES: Mapping[str, Type] = MappingProxyType(
    {
        "plain": Type(),
        "collective": Type(_COLLECTIVE),
        "round robin": Type(_ROUND_ROBIN),
        "seats": Type(seats=True),
        "round robin x seats": Type(_ROUND_ROBIN, seats=True),
        "confirmation": Type(confirms=True),
        "round robin series": Type(_ROUND_ROBIN, recurs=True),
        # For these nothing proves that a booking is not there: the row "held(blind_key)" of the rule.
        "round robin x confirmation": Type(_ROUND_ROBIN, confirms=True),
        "seats x confirmation": Type(seats=True, confirms=True),
        "series": Type(recurs=True),
        "series x confirmation": Type(confirms=True, recurs=True),
    }
)
