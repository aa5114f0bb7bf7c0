"""What is read of Cal.com: each call's path, and the endpoint as which the circuit breaker knows it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from tasks.calcom.http.answer import Answer, NoAnswer

LIST, GET, SLOTS, EVENT_TYPES, ME = "bookings.list", "bookings.get", "slots", "event_types", "me"
SLOTS_VERSION = "2024-09-04"  # of GET /v2/slots alone
EVENT_TYPES_VERSION = "2024-06-14"  # of GET /v2/event-types; with that of bookings it is a path that does not exist

Params = Mapping[str, str | int]


class ReadRequest(NamedTuple):
    """A GET; `version` is the API's where it is not that of bookings, `deadline` makes the whole call shorter."""

    endpoint: str
    path: str
    params: Params | None = None
    version: str | None = None
    deadline: float | None = None


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

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me: whose key it is."""
        return self.get(ReadRequest(ME, "/v2/me"))

    @abstractmethod
    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer."""
