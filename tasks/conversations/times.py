"""A day and time as a caller names it: without an offset it is the clock on the wall of a place that is known later."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from booking_client.request.model import instant

_WEST, _EAST = timedelta(hours=12), timedelta(hours=14)  # how far clocks are from UTC


class NoSuchTimeError(Exception):
    """Report a time that the clocks of its zone skip or have twice, or one that no calendar has."""


@dataclass(frozen=True, slots=True)
class NamedTime:
    """Hold what a caller has named: a time with its offset, or one without, which is read in a zone.

    That is `zone` if the caller named one, else the booking's, else `place`, that of the agent's address.
    """

    told: datetime
    zone: str | None = None
    place: str | None = None

    def at(self, booked_in: str | None = None) -> datetime:
        """Return the time in UTC; `booked_in` is the zone of the booking that is meant.

        Raises:
            NoSuchTimeError: There is no such time, or there are two.
        """
        zone = self.zone or booked_in or self.place
        if self.told.tzinfo is not None or zone is None:
            return _instant(self.told)
        local = self.told.replace(tzinfo=ZoneInfo(zone))
        at = _instant(local)
        is_there = at.astimezone(local.tzinfo).replace(tzinfo=None) == self.told
        if not is_there or local.utcoffset() != local.replace(fold=1).utcoffset():
            raise NoSuchTimeError
        return at

    def readings(self, booked_in: str) -> list[datetime]:
        """Return the three times that may be meant of a booking in a zone, the likeliest first; they may be equal."""
        zones = self.zone or booked_in, booked_in, self.place or booked_in
        if self.told.tzinfo is not None:
            return [self.told.astimezone(UTC)] * len(zones)
        return [self.told.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in zones]

    @property
    def around(self) -> tuple[datetime, datetime]:
        """Return the period, without its end, in which the time is wherever the booking is."""
        if self.told.tzinfo is not None:
            at = self.told.astimezone(UTC)
            return at, at + timedelta(seconds=1)
        wall = self.told.replace(tzinfo=UTC)
        return wall - _EAST, wall + _WEST + timedelta(seconds=1)


def _instant(at: datetime) -> datetime:
    try:
        return instant(at)
    except ValueError:
        raise NoSuchTimeError from None
