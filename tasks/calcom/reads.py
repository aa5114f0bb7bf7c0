"""The reads of Cal.com's API: the path of each, and the name of its endpoint in the circuit breaker."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from tasks.calcom.http.answer import Answer, NoAnswer

LIST, GET, SLOTS, EVENT_TYPES, ME, WEBHOOKS = "bookings.list", "bookings.get", "slots", "event_types", "me", "webhooks"
SLOTS_VERSION = "2024-09-04"  # of GET /v2/slots
EVENT_TYPES_VERSION = "2024-06-14"  # of GET /v2/event-types, which the version of bookings does not have
OWN_TYPES_VERSION = "2024-04-15"  # of the same path: the last version that shows `requiresConfirmationForFreeEmail`
WEBHOOKS_PATH = "/v2/webhooks"
OWN_TYPES_BODY = 8 * 1024 * 1024  # bytes: one answer without pages, 3 KB for each type (seen)

Params = Mapping[str, str | int]


class ReadRequest(NamedTuple):
    """Hold a GET.

    `version` is the API version (None: the version of bookings), `deadline` is a shorter limit for the whole call in
    seconds, and `max_body` how many bytes of the answer are read at most (None: the usual limit).
    """

    endpoint: str
    path: str
    params: Params | None = None
    version: str | None = None
    deadline: float | None = None
    max_body: int | None = None


class CalcomReads(ABC):
    """The reads of Cal.com's API; a subclass sends them by `get`."""

    def list_bookings(self, params: Params, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings; `deadline` is as in `booking`."""
        return self.get(ReadRequest(LIST, "/v2/bookings", params, deadline=deadline))

    def booking(self, uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}; all weeks if it is the uid of a series.

        `deadline` is a shorter limit for the whole call, in seconds, for a caller who is on the phone.
        """
        return self.get(ReadRequest(GET, f"/v2/bookings/{quote(uid, safe='')}", deadline=deadline))

    def booking_of_seat(self, seat_uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}; `deadline` is as in `booking`."""
        return self.get(ReadRequest(GET, f"/v2/bookings/by-seat/{quote(seat_uid, safe='')}", deadline=deadline))

    def slots(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/slots."""
        return self.get(ReadRequest(SLOTS, "/v2/slots", params, version=SLOTS_VERSION))

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}."""
        return self.get(ReadRequest(EVENT_TYPES, f"/v2/event-types/{calcom_id:d}", version=EVENT_TYPES_VERSION))

    def event_types(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/event-types, of a user by `username` and `eventSlug`."""
        return self.get(ReadRequest(EVENT_TYPES, "/v2/event-types", params, version=EVENT_TYPES_VERSION))

    def own_event_types(self) -> Answer | NoAnswer:
        """GET /v2/event-types of the key's user and his teams; the answer names people, so never log it."""
        return self.get(ReadRequest(EVENT_TYPES, "/v2/event-types", version=OWN_TYPES_VERSION, max_body=OWN_TYPES_BODY))

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me: the user of our key."""
        return self.get(ReadRequest(ME, "/v2/me"))

    def webhooks(self, params: Params) -> Answer | NoAnswer:
        """GET /v2/webhooks: those of the key's user; each has its secret, so never log the answer."""
        return self.get(ReadRequest(WEBHOOKS, WEBHOOKS_PATH, params))

    @abstractmethod
    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET, and return its answer."""
