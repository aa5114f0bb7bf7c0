"""What a model has sent as a tool's arguments, read as kindly as it is safe: what is missing or wrong is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from booking_client.request.fields import email, phone, zones
from booking_client.request.model import BookingRequest, instant, moment
from resilience.exceptions import CustomerValidationException
from worker.api.voice.sentences import Asked

_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:00)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DAYS = 14  # that are looked at for free times
_BY_FIELD: Mapping[str, Asked] = MappingProxyType(
    {
        "start": Asked.START,
        "attendee.name": Asked.NAME,
        "attendee": Asked.CONTACT,
        "attendee.email": Asked.EMAIL,
        "attendee.phone_number": Asked.PHONE,
        "attendee.time_zone": Asked.ZONE,
    }
)


class UnclearError(Exception):
    """Report what is to be asked."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.value)
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Arguments:
    """Hold what a model has sent; `zone` and `language` are the address's. Blank values count as missing."""

    given: Mapping[str, Any]
    zone: ZoneInfo | None
    language: str

    def text(self, *names: str) -> str | None:
        """Return the first of these arguments that is there as text."""
        values = (self.given.get(name) for name in names)
        return next((value.strip() for value in values if isinstance(value, str) and value.strip()), None)

    @property
    def another(self) -> bool:
        """Return whether the caller wants one more booking."""
        value = self.given.get("another")
        return value is True or (isinstance(value, str) and value.lower() == "true")

    @property
    def time_zone(self) -> ZoneInfo:
        """Return the caller's time zone, else the address's.

        Raises:
            UnclearError: No time zone is given, or its name is not known.
        """
        name = self.text("time_zone")
        if name is not None and name in zones():
            return ZoneInfo(name)
        if self.zone is None or name not in {None, _city_of(self.zone)}:
            raise UnclearError(Asked.ZONE)
        return self.zone

    @property
    def start(self) -> datetime | None:
        """Return the start that is named, in UTC; None: none is.

        Raises:
            UnclearError: It is no time, or has no offset and there is no time zone.
        """
        text = self.text("start")
        return None if text is None else self._moment(text)

    @property
    def new_start(self) -> datetime:
        """Return the start that a booking is to be moved to, in UTC.

        Raises:
            UnclearError: None is named, or as with `start`.
        """
        text = self.text("new_start")
        if text is None:
            raise UnclearError(Asked.NEW_START)
        return self._moment(text)

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the day that is named, from the time that is named; else DAYS from now.

        Raises:
            UnclearError: It is no day, or there is no time zone.
        """
        text, zone = self.text("start", "date", "day"), self.time_zone
        if text is None:
            return now, now + timedelta(days=DAYS)
        try:
            begin = (
                datetime.combine(date.fromisoformat(text), time(), zone) if _DAY.fullmatch(text) else self._moment(text)
            )
            next_day = begin.astimezone(zone).date() + timedelta(days=1)
            return moment(begin), moment(datetime.combine(next_day, time(), zone))
        except (ValueError, OverflowError):
            raise UnclearError(Asked.START) from None

    def person(self) -> tuple[str | None, str | None]:
        """Return the e-mail address and the phone number that are named; None for one that is missing or wrong."""
        return _read(email, self.text("email")), _read(phone, self.text("phone_number", "phone"))

    def request(self, event_type: int) -> BookingRequest:
        """Return the booking that is asked for.

        Raises:
            UnclearError: Something is missing or wrong.
        """
        start = self.start
        if start is None:
            raise UnclearError(Asked.START)
        person = {
            "name": self.text("name"),
            "email": self.text("email"),
            "phone_number": self.text("phone_number", "phone"),
            "time_zone": self.time_zone.key,
            "language": self.language,
        }
        data = {
            "event_type_id": event_type,
            "start": start.isoformat(),
            "attendee": {name: value for name, value in person.items() if value is not None},
        }
        answers = self.given.get("booking_fields_responses")
        if answers:
            data["booking_fields_responses"] = answers
        try:
            return BookingRequest.parse(data)
        except CustomerValidationException as error:
            asked = [asked for field, asked in _BY_FIELD.items() if field in error.validation_errors]
            raise UnclearError(asked[0] if asked else Asked.DETAILS) from None

    def _moment(self, text: str) -> datetime:
        try:
            if not _NAIVE.fullmatch(text):
                return instant(text)
            local = datetime.fromisoformat(text).replace(tzinfo=self.time_zone)
            at = instant(local)
        except ValueError:
            raise UnclearError(Asked.START) from None
        is_there = at.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None)
        if not is_there or local.utcoffset() != local.replace(fold=1).utcoffset():  # the hour a clock skips or repeats
            raise UnclearError(Asked.START)
        return at


def _city_of(zone: ZoneInfo) -> str:
    """Return the city of a zone, as in New York: a model may send it alone. Of other cities it may mean another one."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def _read(read: Any, text: str | None) -> str | None:
    try:
        return None if text is None else str(read(text))
    except ValueError:
        return None
