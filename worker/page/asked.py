"""The bodies of the page's requests, checked field by field; an error is one sentence."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Literal, Self, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from tornado.web import HTTPError

from booking_client.request.fields import AccountName
from booking_client.request.model import instant
from db.monitoring.operator_actions import ActionRequest
from tasks.calcom.booking import usable
from tasks.changes.ask.ask import Via
from tasks.changes.ask.change import RESCHEDULE
from tasks.changes.resolve_booking import RESOLVE
from tasks.operations.booking_actions import CANCEL, MOST, RETRY
from tasks.operations.breaker_actions import BREAKER_ACTIONS
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.operations.calls import MOST_CALLED, REVEAL
from tasks.operations.preview import FEW
from worker.page.query import LONGEST_TEXT, refused

LONGEST = 65_536  # bytes: a thousand ids are a third of it
CALLS = "call_list"
_HOUR, _DAY = 3600, 86_400
Body = TypeVar("Body", bound=BaseModel)


def _line(value: str) -> str:
    """Return the text as one line without control characters: commands and alerts show it."""
    return "".join(letter if letter.isprintable() else " " for letter in value).strip()


def _text(value: str) -> str:
    line = _line(value)
    if not line:
        raise ValueError("say why; it is recorded")
    return line


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (ValueError, KeyError, OSError):
        raise ValueError("is no time zone; write Europe/Berlin") from None


def _uid(value: str) -> str:
    uid = usable(value.strip())
    if uid is None:
        raise ValueError("what was given is no uid of Cal.com")
    return uid


def _all_different(ids: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(ids)) != len(ids):
        raise ValueError("names a booking twice")
    return ids


Id = Annotated[int, Field(ge=1, lt=2**63)]
Ids = Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST), AfterValidator(_all_different)]
Reason = Annotated[str, Field(max_length=500), AfterValidator(_text)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]


class AskedBody(BaseModel):
    """A body that holds no fields but those that are named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PreviewBody(AskedBody):
    """The request for an action's preview; `zone` is the browser's; `done`: whether the held change was done.

    `service`: the host of another Cal.com than the settings', for an order to its breaker.
    """

    action: Literal["open", "off", "auto", "reset", "retry", "cancel", "reschedule", "resolve", "reveal", "call_list"]
    ids: Ids | None = None
    not_booked: bool = False
    done: bool | None = None
    service: Annotated[str, Field(max_length=LONGEST_TEXT)] | None = None
    zone: Zone = "UTC"

    @model_validator(mode="after")
    def _ids_fit(self) -> Self:
        if self.service is not None and self.action not in BREAKER_ACTIONS:
            raise ValueError("service goes with open, off, auto and reset")
        if (self.action in BREAKER_ACTIONS) != (self.ids is None):
            raise ValueError("ids go with retry, cancel, reschedule, resolve, reveal and call_list, and nothing else")
        if self.ids and len(self.ids) > 1 and (self.not_booked or self.action in {REVEAL, RESOLVE, RESCHEDULE}):
            raise ValueError("one booking at a time: somebody has to look at each")
        if self.ids and len(self.ids) > MOST_CALLED and self.action == CALLS:
            raise ValueError(f"at most {MOST_CALLED} of one list")
        if self.not_booked and self.action not in {RETRY, CANCEL}:
            raise ValueError("not_booked goes with retry and cancel")
        if self.done is not None and self.action != RESOLVE:
            raise ValueError("done goes with resolve: whether the held change was done")
        return self


class ActionBody(PreviewBody):
    """The request for an action, as its preview counted it; `until` is in seconds from now.

    Of a cancel or a move: `reason` is what Cal.com tells the attendee, `start` the new start.
    """

    request_id: UUID
    action: Literal["open", "off", "auto", "reset", "retry", "cancel", "reschedule", "resolve"]
    epoch: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    why: Reason
    until: Annotated[int, Field(ge=1, le=_DAY)] | None = None
    typed: Annotated[str, Field(max_length=20)] | None = None
    uid: Annotated[str, AfterValidator(_uid)] | None = None
    start: Annotated[datetime, BeforeValidator(instant)] | None = None
    reason: Annotated[str, Field(max_length=500), AfterValidator(_line)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.action != RESOLVE if self.uid is not None else (self.action == RESOLVE and self.done is None):
            raise ValueError("uid goes with resolve: what Cal.com calls the booking")
        if (self.action == RESCHEDULE) != (self.start is not None):
            raise ValueError("start goes with reschedule: the new start")
        if self.reason and not (self.action in {CANCEL, RESCHEDULE} and self.ids and len(self.ids) == 1):
            raise ValueError("reason goes with the cancel or the move of one booking")
        if (self.action in BREAKER_ACTIONS or self.not_booked) and self.epoch is None:
            raise ValueError("epoch is missing: which state of the breaker, or of the booking, was seen")
        if self.until is not None and self.action not in {OPEN, OFF}:
            raise ValueError("until goes with open and off")
        if self.action == OFF and not (self.until and self.until <= _HOUR):
            raise ValueError("until: off needs an end, an hour at most")
        expected = "OFF" if self.action == OFF else str(len(self.ids)) if self.ids and len(self.ids) > FEW else None
        if expected is not None and self.typed != expected:
            raise ValueError(f"typed: type {expected} to confirm")
        return self

    def by(self, who: str, at: Mapping[str, str] = MappingProxyType({})) -> ActionRequest:
        """Return the request for the record; `who` is the operator, `at` what it says of the Cal.com that it is for."""
        about: dict[str, object] = {**at} | ({"seconds": self.until} if self.action in {OPEN, OFF} else {})
        about |= {"not_booked": self.not_booked} if self.action in {RETRY, CANCEL} else {}
        about |= {"uid": self.uid} if self.uid else {}
        about |= {"done": self.done} if self.done is not None else {}
        about |= {"start": self.start.isoformat()} if self.start else {}
        about |= {"reason": self.reason} if self.reason else {}
        return ActionRequest(
            who=who,
            via=Via.PAGE,
            action=self.action,
            why=self.why,
            target=about,
            epoch_seen=self.epoch,
            ids=self.ids,
            request_id=self.request_id,
        )


class SearchBody(AskedBody):
    """The request for a search, of the bookings of one account or of all (None)."""

    q: str = ""
    account: AccountName | None = None


class ShowBody(AskedBody):
    """The request for a booking's personal data."""

    why: Reason


class CallListBody(ShowBody):
    """The request for whom to call, as its preview counted them."""

    request_id: UUID
    ids: Annotated[Ids, Field(max_length=MOST_CALLED)]


class MarkBody(AskedBody):
    """The request to mark a booking as called, or to take its mark back."""

    take_back: bool = False


def read(body: bytes, form: type[Body]) -> Body:
    """Read a request's body.

    Raises:
        HTTPError: 413, or 422, with a sentence that repeats nothing of the body.
    """
    if len(body) > LONGEST:
        raise HTTPError(413, "that is too much")
    try:
        return form.model_validate_json(body)
    except ValidationError as wrong:
        errors = wrong.errors(include_url=False, include_input=False)
        raise refused("; ".join(_sentence(one["loc"], one["type"], one["msg"]) for one in errors[:3])) from None


def _sentence(place: tuple[int | str, ...], kind: str, message: str) -> str:
    if kind == "extra_forbidden":  # the field's name is the sender's
        return "there is a field that nobody asked for"
    field = f"{place[0]}: " if place else ""
    said = message.removeprefix("Value error, ")
    return f"{field}{said[0].lower()}{said[1:]}"
