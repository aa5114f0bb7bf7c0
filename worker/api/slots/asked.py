"""What an address asks of the free times: an event type, a period and a time zone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request

from booking_client.request.fields import event_type, zones
from booking_client.request.model import moment
from db.api_keys.keys import ApiKey
from tasks.slots.free import SlotsQuestion
from worker.api.problems import invalid

_BLANK_OFFSET = re.compile(r" (?=[0-9]{2}:?[0-9]{2}\Z)", re.ASCII)  # a + that was not encoded arrives as a blank


@dataclass(frozen=True, slots=True)
class SlotsRequest:
    """Hold a question, and the zone in which its answer is written."""

    question: SlotsQuestion
    zone: ZoneInfo

    @classmethod
    def read(cls, request: Request, key: ApiKey) -> "SlotsRequest":
        """Read the address; as `of`."""
        return cls.of(request.query_params, key)

    @classmethod
    def of(cls, given: Mapping[str, str], key: ApiKey) -> "SlotsRequest":
        """Return what parameters ask for; the account is the key's.

        Raises:
            ApiError: A parameter is missing or wrong.
        """
        errors: dict[str, str] = {}
        kind, zone = 0, given.get("time_zone", "UTC")
        try:
            kind = event_type(given.get("event_type_id", ""))
        except ValueError as error:
            errors["event_type_id"] = str(error)
        if zone not in zones():
            errors["time_zone"] = "must be an IANA name, as in Europe/Berlin"
        begin, end = (_moment(name, given.get(name, ""), errors) for name in ("from", "to"))
        if errors or begin is None or end is None:
            raise invalid(errors)
        try:
            return cls(SlotsQuestion(kind, begin, end, key.account_id, key.account), ZoneInfo(zone))
        except ValueError as error:
            raise invalid({"to": str(error)}) from None


def _moment(name: str, text: str, errors: dict[str, str]) -> datetime | None:
    try:
        return moment(_BLANK_OFFSET.sub("+", text))
    except ValueError as error:
        errors[name] = str(error) if text else "is missing"
        return None
