"""What a model has sent as a tool's arguments, read as kindly as it is safe: what is missing or wrong is asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from booking_client.request.fields import LANGUAGES, email, phone
from booking_client.request.model import BookingRequest, instant, moment
from resilience.exceptions import CustomerValidationException
from tasks.callers.languages import language_of
from tasks.conversations.times import NamedTime
from tasks.conversations.wanted import WantedFields
from worker.api.voice.given_answers import ANSWERS, answered, spoken_question, unanswered
from worker.api.voice.sentences import Asked
from worker.api.voice.zones import zone_of

_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.0+)?)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d)(?::00)?)? ?(?:([ap])\.?m\.?)?", re.ASCII | re.IGNORECASE)
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

    def __init__(self, asked: Asked, **values: str) -> None:
        super().__init__(asked.value)
        self.asked = asked
        self.values = values


@dataclass(frozen=True, slots=True)
class Arguments:
    """Hold what a model has sent; what else is here is of the address. Blank values count as missing.

    But `caller` is the number that the platform sends of its caller. It counts unless he names another one; alone it
    does only where the event type is known to want no e-mail address.
    """

    given: Mapping[str, Any]
    zone: ZoneInfo | None
    language: str
    caller: str | None = None
    only_if_first: bool = False

    def text(self, *names: str) -> str | None:
        """Return the first of these arguments that is there, as text; a number is text, too."""
        values = (self.given.get(name) for name in names)
        texts = (str(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values)
        return next((text.strip() for text in texts if isinstance(text, str) and text.strip()), None)

    @property
    def another(self) -> bool:
        """Return whether the caller wants one more booking."""
        value = self.given.get("another")
        return value is True or (isinstance(value, str) and value.lower() == "true")

    def time_zone(self, at: datetime) -> ZoneInfo:
        """Return the caller's time zone at about a time, else the address's.

        Raises:
            UnclearError: No time zone is given, or what is given says nothing that is safe.
        """
        zone = self._named_zone(at.replace(tzinfo=None)) or self.zone
        if zone is None:
            raise UnclearError(Asked.ZONE)
        return zone

    @property
    def start(self) -> NamedTime | None:
        """Return the start that is named; None: none is.

        Raises:
            UnclearError: It is no time, or its time zone says nothing that is safe.
        """
        text = self._day_and_time("start")
        return None if text is None else self._named(text)

    @property
    def new_start(self) -> NamedTime:
        """Return the start that a booking is to be moved to; else as `start`.

        Raises:
            UnclearError: None is named, or as with `start`.
        """
        text = self._day_and_time("new_start")
        if text is None:
            raise UnclearError(Asked.NEW_START)
        return self._named(text)

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the day that is named, from the time that is named; else DAYS from now.

        Raises:
            UnclearError: It is no day, or there is no time zone.
            NoSuchTimeError: The clocks skip the time, or have it twice.
        """
        text = self._day_and_time("start")
        if text is None:
            return now, now + timedelta(days=DAYS)
        is_day = _DAY.fullmatch(text) is not None
        named = self._named(f"{text}T00:00" if is_day else text)
        zone = self.time_zone(named.told)
        begin = named.told.replace(tzinfo=zone) if is_day else named.at(zone.key)
        next_day = begin.astimezone(zone).date() + timedelta(days=1)
        return moment(begin), moment(datetime.combine(next_day, time(), zone))

    def person(self) -> tuple[str | None, str | None]:
        """Return the e-mail address and the phone number that are named; None for one that is missing or wrong."""
        return _read(email, self.text("email")), _read(phone, self._number)

    def request(self, event_type: int, wanted: WantedFields | None = None) -> BookingRequest:
        """Return the booking that is asked for; `wanted` is what one of its type must have, where that is known.

        Raises:
            UnclearError: Something is missing or wrong.
            NoSuchTimeError: The clocks skip the start, or have it twice.
        """
        named = self.start
        if named is None:
            raise UnclearError(Asked.START)
        person = {
            "name": self.text("name"),
            "email": self.text("email"),
            "phone_number": self._number or (self.caller if wanted is not None or self.text("email") else None),
            "time_zone": self.time_zone(named.told).key,
            "language": self.language if self.language in LANGUAGES else language_of(self.language),
        }
        data = {
            "event_type_id": event_type,
            "start": named.at().isoformat(),
            "only_if_first": self.only_if_first,
            "attendee": {name: value for name, value in person.items() if value is not None},
        }
        fields = WantedFields(email=False, phone=False) if wanted is None else wanted
        if any(self.given.get(name) and not isinstance(self.given[name], dict) for name in ANSWERS):
            raise UnclearError(Asked.DETAILS)
        answers = answered(self.given, self.text("notes"), fields.questions)
        if answers:
            data["booking_fields_responses"] = answers
        try:
            request = BookingRequest.parse(data)
        except CustomerValidationException as error:
            asked = [asked for field, asked in _BY_FIELD.items() if field in error.validation_errors]
            nobody = asked[:1] == [Asked.CONTACT]
            if nobody and (fields.email or fields.phone):
                raise UnclearError(Asked.WANTS_EMAIL if fields.email else Asked.WANTS_PHONE) from None
            raise UnclearError(asked[0] if asked else Asked.DETAILS) from None
        if fields.email and request.attendee.email is None:
            raise UnclearError(Asked.WANTS_EMAIL)
        if fields.phone and request.attendee.phone_number is None:
            raise UnclearError(Asked.WANTS_PHONE)
        question = unanswered(answers, fields.questions)
        if question is not None:
            raise UnclearError(Asked.QUESTION, question=spoken_question(question))
        return request

    @property
    def _number(self) -> str | None:
        text = self.text("phone_number", "phone")
        return f"+{text[2:]}" if text is not None and text.startswith("00") else text

    def _day_and_time(self, name: str) -> str | None:
        """Return a day and time as one text, also where a model has sent them apart."""
        text = self.text(name) or (self.text("date", "day") if name == "start" else None)
        clock = _CLOCK.fullmatch(self.text("time") or "")
        if text is None or clock is None or not _DAY.fullmatch(text) or not (clock[2] or clock[3]):
            return text
        hour = int(clock[1]) % 12 + (12 if clock[3] in {"p", "P"} else 0) if clock[3] else int(clock[1])
        return f"{text}T{hour:02}:{clock[2] or '00'}"

    def _named(self, text: str) -> NamedTime:
        try:
            told = datetime.fromisoformat(text) if _NAIVE.fullmatch(text) else instant(text)
        except ValueError:
            raise UnclearError(Asked.START) from None
        if not MINYEAR + 1 < told.year < MAXYEAR - 1:  # near either end a time in UTC may be none
            raise UnclearError(Asked.START)
        zone = None if told.tzinfo is not None else self._named_zone(told)
        return NamedTime(told, None if zone is None else zone.key, None if self.zone is None else self.zone.key)

    def _named_zone(self, at: datetime) -> ZoneInfo | None:
        text = self.text("time_zone")
        if text is None:
            return None
        zone = zone_of(text, at, self.zone)
        if zone is None:
            raise UnclearError(Asked.ZONE)
        return zone


def caller_number(number: Any) -> str | None:
    """Return the number that a platform sends of its caller; None: it is none, as of one who hides it."""
    return _read(phone, number if isinstance(number, str) else None)


def _read(read: Any, text: str | None) -> str | None:
    try:
        return None if text is None else str(read(text))
    except ValueError:
        return None
