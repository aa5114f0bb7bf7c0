"""What a list of a key's own bookings takes: filters, how many, and where the page before it ended."""

import re
from datetime import datetime

from starlette.datastructures import QueryParams

from booking_client.request.fields import event_type
from booking_client.request.model import moment
from db.appointments.views import OwnFilters
from db.lifecycle import Status
from worker.api.problems import invalid

MOST_LISTED, LISTED = 100, 20  # bookings of a page, at most and by default
PARAMETERS = frozenset({"status", "event_type_id", "from", "to", "limit", "cursor"})
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # what bigint holds, whatever the digits
_BLANK_OFFSET = re.compile(r" (?=[0-9]{2}:?[0-9]{2}\Z)", re.ASCII)  # a + that was not encoded arrives as a blank


def filters_of(given: QueryParams) -> OwnFilters:
    """Return what the parameters of an address ask for.

    Raises:
        ApiError: One is wrong, or is none of these: a list without the filter that was meant would be believed.
    """
    errors = {name: f"is none of {', '.join(sorted(PARAMETERS))}, or key" for name in given if name not in PARAMETERS}
    statuses = [one for one in given.get("status", "").split(",") if one]
    if not set(statuses) <= set(Status):
        errors["status"] = f"must be some of {','.join(Status)}"
    kind = None
    if "event_type_id" in given:
        try:
            kind = event_type(given["event_type_id"])
        except ValueError as error:
            errors["event_type_id"] = str(error)
    limit = given.get("limit", str(LISTED))
    if not _NUMBER.fullmatch(limit) or int(limit) > MOST_LISTED:
        errors["limit"] = f"must be a number from 1 to {MOST_LISTED}"
    cursor = given.get("cursor")
    if cursor is not None and not _NUMBER.fullmatch(cursor):
        errors["cursor"] = "must be the `next` of a page"
    starts, ends = (_moment(name, given.get(name), errors) for name in ("from", "to"))
    if errors:
        raise invalid(errors)
    below = None if cursor is None else int(cursor)
    return OwnFilters(
        statuses=statuses or None, event_type=kind, starts=starts, ends=ends, below=below, limit=int(limit)
    )


def _moment(name: str, text: str | None, errors: dict[str, str]) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(_BLANK_OFFSET.sub("+", text))
    except ValueError as error:
        errors[name] = str(error)
        return None
