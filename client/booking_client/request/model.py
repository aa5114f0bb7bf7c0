"""A booking request: checked as strictly as by Cal.com, and more strictly where Cal.com would store a wrong value.

The rules come from docs/calcom.md. Values are normalised only here: the e-mail's case, the phone number, the start as
an instant. So a request may be stored and posted as it is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from booking_client.errors import CustomerValidationException
from booking_client.request.fields import (
    AccountName,
    CorrelationId,
    Email,
    EventTypeId,
    IdempotencyKey,
    Language,
    Name,
    Phone,
    Slug,
    Strict,
    Zone,
)
from booking_client.request.location import Location
from booking_client.request.messages import problems
from booking_client.request.open_fields import Metadata, Minutes, Responses

MAX_GUESTS = 30
LAST_YEAR = 2099  # a later start is a typing error, and datetime cannot add much to it
_INSTANT = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?"


def moment(value: Any) -> datetime:
    """Return an ISO 8601 time with its offset, or an aware datetime, as UTC.

    A time without an offset is refused: Cal.com would read it as UTC, which is hours wrong for most callers.
    """
    if isinstance(value, str):
        if not re.fullmatch(_INSTANT, value, re.ASCII):
            raise ValueError("must be an ISO 8601 time, as in 2027-03-01T09:00:00Z")
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError("is not a time that exists") from None
    if not isinstance(value, datetime):
        raise ValueError("must be an ISO 8601 time, as in 2027-03-01T09:00:00Z")  # noqa: TRY004 - for pydantic
    if value.utcoffset() is None:
        raise ValueError("needs its offset: end it with Z, or with one like +02:00")
    if value.year > LAST_YEAR:
        raise ValueError(f"is later than the year {LAST_YEAR}")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not a time that exists") from None


def instant(value: Any) -> datetime:
    """Return a `moment` that is a whole second, as Cal.com's slots are."""
    at = moment(value)
    if at.microsecond:
        raise ValueError("must be a whole second")
    return at


def _nobody() -> list[str]:
    return []  # pydantic reads a factory's signature, and `list` has it as text alone: a tenth of the client's import


class Attendee(Strict):
    """Name the attendee, with an e-mail address, a phone number, or both."""

    name: Name
    email: Email | None = None
    phone_number: Phone | None = None
    time_zone: Zone
    language: Language | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.email is None and self.phone_number is None:
            raise ValueError("needs an email or a phone_number")
        return self


class BookingRequest(Strict):
    """Ask for one booking; immutable, checked and normalised.

    `start` and `answer_by` are in UTC. A booking that is not made by `answer_by` expires; if the same request comes
    again, the first `answer_by` counts. `account` is whose API key books it; None: that of the worker's settings.
    `only_if_first`: where one may have its time, it is refused while somebody who asked before may still get it.

    The clock is `context={"now": ...}` of pydantic's validation, else this machine's.

    Raises:
        ValidationError: The constructor raises this; `parse` raises our own type instead.
    """

    model_config = ConfigDict(defer_build=False)  # a caller's first request does not wait for it

    event_type_id: EventTypeId | None = None
    event_type_slug: Slug | None = None
    username: Slug | None = None
    team_slug: Slug | None = None
    organization_slug: Slug | None = None
    start: Annotated[datetime, BeforeValidator(instant)]
    answer_by: Annotated[datetime, BeforeValidator(moment)] | None = None
    length_in_minutes: Minutes | None = None
    attendee: Attendee
    guests: Annotated[list[Email], Field(max_length=MAX_GUESTS)] = Field(default_factory=_nobody)
    location: Location | None = None
    booking_fields_responses: Responses = Field(default_factory=dict)
    metadata: Metadata = Field(default_factory=dict)
    idempotency_key: IdempotencyKey | None = None
    correlation_id: CorrelationId | None = None
    account: AccountName | None = None
    only_if_first: bool = False

    @field_validator("start", "answer_by")
    @classmethod
    def _not_in_the_past(cls, at: datetime | None, info: ValidationInfo) -> datetime | None:
        now: datetime = (info.context or {}).get("now") or datetime.now(UTC)
        if at is not None and at <= now:
            raise ValueError("is in the past")
        return at

    @field_validator("answer_by")
    @classmethod
    def _before_the_start(cls, answer_by: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("start")  # the start is absent if it is wrong itself
        if answer_by is not None and start is not None and answer_by > start:
            raise ValueError("is later than the start")
        return answer_by

    @field_validator("account")
    @classmethod
    def _default_is_none(cls, account: str | None) -> str | None:
        return None if account == "default" else account  # one name for one thing

    @field_validator("guests")
    @classmethod
    def _each_guest_once(cls, guests: list[str]) -> list[str]:
        return list(dict.fromkeys(guests))

    @model_validator(mode="after")
    def _one_event_type(self) -> Self:
        by_slug = self.event_type_slug is not None
        if self.event_type_id is not None:
            if by_slug or self.username or self.team_slug or self.organization_slug:
                raise _wrong("event_type_id", "is given beside a slug, username or organization: give one of the two")
        elif not by_slug:
            raise _wrong("event_type_id", "is missing (or event_type_slug with username or team_slug)")
        elif (self.username is None) == (self.team_slug is None):
            raise _wrong("event_type_slug", "needs either username or team_slug beside it")
        return self

    @classmethod
    def parse(cls, data: Any, *, now: datetime | None = None) -> Self:
        """Return the request that `data` (an object of JSON) describes.

        Raises:
            CustomerValidationException: A field is wrong; `validation_errors` has the reasons, without the values.
        """
        try:
            return cls.model_validate(data, context={"now": now})
        except ValidationError as error:
            found: dict[str, str | list[str]] = {}
            for field, why in problems(error):
                found[field] = f"{found[field]}; {why}" if field in found else why
        raise CustomerValidationException("The booking request is not valid.", validation_errors=found)

    def values(self) -> Mapping[str, Any]:
        """Return the request's columns of `appointments`; `end_at` is None without `length_in_minutes`."""
        length = self.length_in_minutes
        return {
            **{name: getattr(self, name) for name in _SAME_COLUMNS},
            "location": None if self.location is None else dict(self.location),
            "start_at": self.start,
            "end_at": None if length is None else self.start + timedelta(minutes=length),
            "attendee_name": self.attendee.name,
            "attendee_email": self.attendee.email,
            "attendee_phone": self.attendee.phone_number,
            "attendee_time_zone": self.attendee.time_zone,
            "attendee_language": self.attendee.language,
            "request_metadata": self.metadata,
        }


_SAME_COLUMNS = (  # fields whose columns have the same names
    *("event_type_id", "event_type_slug", "username", "team_slug", "organization_slug", "answer_by"),
    *("length_in_minutes", "guests", "booking_fields_responses"),
)


def _wrong(field: str, why: str) -> PydanticCustomError:
    return PydanticCustomError("event_type", "{why}", {"field": field, "why": why})
