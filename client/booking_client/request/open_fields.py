"""The two open parts of a request, with their bounds: metadata, and the responses to an event type's own fields."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from booking_client.request.fields import storable, utf16_length

# Our own two entries of metadata, to find our booking again; Cal.com allows 50 keys, so a caller has 48.
REFERENCE_KEY = "bookingWorkerRef"
CORRELATION_KEY = "bookingWorkerCorrelation"
RESERVED_KEYS = frozenset({REFERENCE_KEY, CORRELATION_KEY})
MAX_METADATA_KEYS = 48
MAX_METADATA_KEY = 40  # characters as JavaScript counts them; so does the next limit
MAX_METADATA_VALUE = 500
MAX_RESPONSES_BYTES = 16 * 1024
MAX_RESPONSES_DEPTH = 5
MAX_SAFE_INTEGER = 2**53 - 1  # JavaScript changes a larger number


def metadata_key(text: str) -> str:
    """Return a key of metadata that Cal.com accepts and that is not ours, else refuse it."""
    if text in RESERVED_KEYS:
        raise ValueError("is a key that only the worker may set")
    if not text.strip() or not text.isprintable():
        raise ValueError("is a key that is blank or cannot be printed")
    if utf16_length(text) > MAX_METADATA_KEY:
        raise ValueError(f"is a key of more than {MAX_METADATA_KEY} characters")
    return text


def metadata_value(text: str) -> str:
    """Return a value of metadata that Cal.com and PostgreSQL accept, else refuse it."""
    if utf16_length(text) > MAX_METADATA_VALUE:
        raise ValueError(f"must have at most {MAX_METADATA_VALUE} characters")
    return storable(text)


def few_enough(data: dict[str, str]) -> dict[str, str]:
    """Return metadata with no more keys than Cal.com leaves to a caller, else refuse it."""
    if len(data) > MAX_METADATA_KEYS:
        raise ValueError(f"must have at most {MAX_METADATA_KEYS} keys")
    return data


def responses(data: dict[str, Any]) -> dict[str, Any]:
    """Return responses that JavaScript and PostgreSQL store unchanged, within our bounds, else refuse them."""
    if any(value is None for value in data.values()):
        raise ValueError("must not hold null: leave the field out")
    _check(data, MAX_RESPONSES_DEPTH)
    if len(json.dumps(data, ensure_ascii=False).encode()) > MAX_RESPONSES_BYTES:
        raise ValueError(f"must have at most {MAX_RESPONSES_BYTES // 1024} KiB")
    return data


def _check(value: Any, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        storable(value)
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise ValueError("must not hold whole numbers beyond 2^53: write them as text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("must not hold NaN or infinity")
    elif depth == 0:
        raise ValueError(f"must be at most {MAX_RESPONSES_DEPTH} levels deep")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_key(key)
            _check(item, depth - 1)
    else:
        raise ValueError("must hold JSON values only")


def _check_key(key: Any) -> None:
    if not isinstance(key, str):
        raise ValueError("must have text as keys")  # noqa: TRY004 - pydantic reports ValueError
    storable(key)


Metadata = Annotated[
    dict[Annotated[str, AfterValidator(metadata_key)], Annotated[str, AfterValidator(metadata_value)]],
    AfterValidator(few_enough),
]
Responses = Annotated[dict[str, Any], AfterValidator(responses)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
