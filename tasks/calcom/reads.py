"""What is read of Cal.com, and the endpoint as which the circuit breaker knows each of these calls."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer

LIST, GET, SLOTS, EVENT_TYPES, ME = "bookings.list", "bookings.get", "slots", "event_types", "me"


class CalcomReads(ABC):
    """Read what Cal.com knows."""

    _client: CalcomClient

    def list_bookings(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/bookings, if it may go now."""
        return self._read(LIST, lambda: self._client.list_bookings(params))

    def slots(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/slots, if it may go now."""
        return self._read(SLOTS, lambda: self._client.slots(params))

    def booking(self, uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}, if it may go now; all weeks where it is the uid of a series."""
        return self._read(GET, lambda: self._client.booking(uid, deadline=deadline))

    def booking_of_seat(self, seat_uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}, if it may go now."""
        return self._read(GET, lambda: self._client.booking_of_seat(seat_uid, deadline=deadline))

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}, if it may go now."""
        return self._read(EVENT_TYPES, lambda: self._client.event_type(calcom_id))

    def event_types(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/event-types, if it may go now."""
        return self._read(EVENT_TYPES, lambda: self._client.event_types(params))

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me, if it may go now."""
        return self._read(ME, self._client.me)

    @abstractmethod
    def _read(self, endpoint: str, send: Callable[[], Answer | NoAnswer]) -> Answer | NoAnswer:
        """Send a call if it may go now, and return its answer."""
