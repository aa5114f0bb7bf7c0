"""The event types that the model of evidence deals, and the keys: what the product is shown of either."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from db.event_kind import EventKind
from tasks.calcom.event_type_answers import EventTypeFacts, Scheduling
from tests.model.dealt import LENGTH, KnownType

USER, ANOTHER = 1, 2  # our key's user, and another one


class Key(StrEnum):
    """Say what our key is shown; a POST needs none of it."""

    ALL = "sees all"  # its user owns the type, a personal one
    HOST = "hosts it"  # a team's: its list shows what its user takes part in, unless he was locked, renamed, exchanged
    NONE = "sees none"  # may read the type all the same, and whose key it is Cal.com does not tell
    ADMIN = "sees others'"  # as on the hosted service, perhaps: all of a personal type, a part of a team's
    UNTOLD = "is not told all"  # may read the type, and is not told whether it confirms free addresses
    BLANK = "sees nothing"  # and may not read the type, as when it has lost its permission


class Type(NamedTuple):
    """An event type, in Cal.com's words."""

    scheduling: Scheduling = Scheduling.PERSONAL
    seats: bool = False
    confirms: bool = False  # by its policy
    recurs: bool = False
    free: bool = False  # it asks its host about free addresses, as our booker's is, whatever its policy says

    @property
    def personal(self) -> bool:
        """Say whether it is one user's own."""
        return self.scheduling is Scheduling.PERSONAL

    @property
    def round_robin(self) -> bool:
        """Say whether one of two hosts is chosen."""
        return self.scheduling is Scheduling.ROUND_ROBIN

    @property
    def asks(self) -> bool:
        """Say whether its host must confirm our booking."""
        return self.confirms or self.free

    @property
    def dedupes(self) -> bool:
        """Say whether Cal.com looks for the attendee's booking before it looks for a free host (10 of 10)."""
        return self.round_robin or self.asks

    @property
    def may_be_by_slots(self) -> bool:
        """Say whether it is plain or collective, or is once its confirmation is switched off."""
        return not (self.round_robin or self.seats or self.recurs or self.free)

    def known_type(self, key: Key, *, stranger: bool = False) -> KnownType:
        """Return what the product makes of what Cal.com shows this key of the type.

        `stranger`: a list has just shown it what its user takes no part in.
        """
        if key is Key.BLANK:
            return KnownType(EventKind.UNKNOWN)
        owner = USER if key is Key.ALL else ANOTHER
        facts = EventTypeFacts(
            calcom_id=101,
            scheduling=self.scheduling,
            owner_id=owner if self.personal else None,
            length_minutes=LENGTH,
            seats=self.seats,
            occurrences=8 if self.recurs else None,
            confirms=self.confirms,
            price=False,
        )
        told = None if key is Key.UNTOLD or facts.kind is EventKind.OTHER else self.free
        return KnownType(facts.kind, told, facts.has_sight(USER, stranger=stranger), self.seats, self.recurs)


_ROUND_ROBIN, _COLLECTIVE = Scheduling.ROUND_ROBIN, Scheduling.COLLECTIVE
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
