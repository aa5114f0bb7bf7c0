"""What the address of an agent's tool says: whose key, which event type, the language, and how long the agent waits."""

from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

from starlette.requests import Request

from booking_client.request.fields import event_type, zones
from db.api_keys.keys import ApiKey
from tasks.callers.languages import ACCEPTED, ENGLISH, is_known
from tasks.conversations.conversation import CALL_ID
from worker.api.parameters import MOST_SECONDS, seconds_of
from worker.api.problems import ApiError, invalid

CALL_HEADERS = ("X-Call-Id", "X-Chat-Id", "X-Conversation-Id")  # each names one conversation, as no session does
WITHIN = 2.5  # seconds; a person on the phone takes more for silence
LEAST_WITHIN = 0.5
_TRUTHS = ("true", "false")


def call_in(request: Request) -> str | None:
    """Return what the headers name the call; None: nothing that can be used, as a placeholder that is not filled in."""
    given = (request.headers.get(name, "") for name in CALL_HEADERS)
    return next((name for name in given if CALL_ID.fullmatch(name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceAddress:
    """Hold the parameters of an address; a wrong one is a mistake of the set-up, and is reported as one."""

    handle: str
    event_type: int | None
    language: str
    within: float
    call: str | None
    time_zone: ZoneInfo | None
    only_if_first: bool

    @classmethod
    def read(cls, request: Request) -> Self:
        """Read the address.

        Raises:
            ApiError: A parameter is wrong.
        """
        given = request.query_params
        errors: dict[str, str] = {}
        within = seconds_of(given.get("within", str(WITHIN)))
        if not LEAST_WITHIN <= within <= MOST_SECONDS:
            errors["within"] = f"must be a number of seconds from {LEAST_WITHIN:g} to {MOST_SECONDS:g}"
        kind = None
        if "type" in given:
            try:
                kind = event_type(given["type"])
            except ValueError as error:
                errors["type"] = str(error)
        language = given.get("lang", ENGLISH)
        if not is_known(language):
            errors["lang"] = f"must be one of {ACCEPTED}"
        call = given.get("call_id")
        if call is not None and not CALL_ID.fullmatch(call):  # as {{call_id}} that nobody has filled in
            errors["call_id"] = "must be the call's id: letters, digits and _ . : -, 100 at most"
        zone = given.get("time_zone")
        if zone is not None and zone not in zones():
            errors["time_zone"] = "must be an IANA name, as in Europe/Berlin"
        only_if_first = given.get("only_if_first", "false")
        if only_if_first not in _TRUTHS:
            errors["only_if_first"] = f"must be {' or '.join(_TRUTHS)}"
        if errors:
            raise invalid(errors)
        return cls(
            handle=given.get("key", ""),
            event_type=kind,
            language=language,
            within=within,
            call=call,
            time_zone=None if zone is None else ZoneInfo(zone),
            only_if_first=only_if_first == "true",
        )

    def type_for(self, key: ApiKey) -> int:
        """Return the event type of this address, else the only one that the key may book.

        Raises:
            ApiError: There is none, or the key may not book it.
        """
        only = next(iter(key.event_types)) if key.event_types is not None and len(key.event_types) == 1 else None
        kind = self.event_type or only
        if kind is None:
            raise invalid({"type": "is missing: the event type's id"})
        if key.event_types is not None and kind not in key.event_types:
            raise ApiError("scope", "The API key may book only its own event types, each by its id.")
        return kind
