"""What is read of Cal.com: each call's path, and the endpoint as which the circuit breaker knows it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from tasks.calcom.http.answer import Answer, NoAnswer

LIST, GET, SLOTS, EVENT_TYPES, ME = "bookings.list", "bookings.get", "slots", "event_types", "me"
SLOTS_VERSION = "2024-09-04"  # of GET /v2/slots alone
EVENT_TYPES_VERSION = "2024-06-14"  # of GET /v2/event-types; with that of bookings it is a path that does not exist
OWN_TYPES_VERSION = "2024-04-15"  # of the same path: no newer one shows `requiresConfirmationForFreeEmail`
OWN_TYPES_BODY = 8 * 1024 * 1024  # bytes: one answer, without pages, and 3 KB a type (seen)

Params = Mapping[str, str | int]


class ReadRequest(NamedTuple):
    """A GET; `version` is the API's where it is not that of bookings, `deadline` makes the whole call shorter.

    `max_body` is how many bytes of the answer are read, where that is not the usual limit.
    """

    endpoint: str
    path: str
    params: Params | None = None
    version: str | None = None
    deadline: float | None = None
    max_body: int | None = None


class CalcomReads(ABC):
    """Read what Cal.com knows, in the way that `get` sends a call: at once, or when the breaker lets it go."""

    def list_bookings(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/bookings."""
        return self.get(ReadRequest(LIST, "/v2/bookings", params))

    def booking(self, uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}; all weeks where it is the uid of a series.

        `deadline` makes the whole call shorter, in seconds, for a caller who is on the phone.
        """
        return self.get(ReadRequest(GET, f"/v2/bookings/{quote(uid, safe='')}", deadline=deadline))

    def booking_of_seat(self, seat_uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}; `deadline` as in `booking`."""
        return self.get(ReadRequest(GET, f"/v2/bookings/by-seat/{quote(seat_uid, safe='')}", deadline=deadline))

    def slots(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/slots, which has an API version of its own."""
        return self.get(ReadRequest(SLOTS, "/v2/slots", params, version=SLOTS_VERSION))

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}, which has an API version of its own."""
        return self.get(ReadRequest(EVENT_TYPES, f"/v2/event-types/{calcom_id:d}", version=EVENT_TYPES_VERSION))

    def event_types(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/event-types, of a user by `username` and `eventSlug`."""
        return self.get(ReadRequest(EVENT_TYPES, "/v2/event-types", params, version=EVENT_TYPES_VERSION))

    def own_event_types(self) -> Answer | NoAnswer:
        """GET /v2/event-types of the key's user and his teams; the answer names people, so nothing of it is logged."""
        return self.get(ReadRequest(EVENT_TYPES, "/v2/event-types", version=OWN_TYPES_VERSION, max_body=OWN_TYPES_BODY))

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me: whose key it is."""
        return self.get(ReadRequest(ME, "/v2/me"))

    @abstractmethod
    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer."""
