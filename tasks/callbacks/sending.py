"""One try to deliver a callback: the bytes that are sent, and what the receiver's answer means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from db.callbacks import Callback
from tasks.calcom.http.answer import Answer, NoAnswer, Request
from tasks.calcom.http.exchange import Exchange
from tasks.calcom.http.resolver import Resolver
from tasks.callbacks.addresses import (
    NAMES,
    CallbackUrlError,
    CheckedResolver,
    ForbiddenAddressError,
    NotLookedUpError,
    checked_url,
)
from tasks.callbacks.sentences import sentence_of
from tasks.callbacks.signing import secrets_of, signature
from tasks.ports.callbacks import CallbackSettings

CONNECT_WITHIN, WITHIN = 3.0, 10.0  # seconds: to connect, and all of it
MAX_ANSWER = 64 * 1024  # bytes that are read, and thrown away
DELAYS = (5.0, 30.0, 120.0, 600.0, 3_600.0, 10_800.0, 28_800.0, 86_400.0)  # seconds before each retry
JITTER = 0.1
LONGEST_ASKED = DELAYS[-1]  # of a Retry-After
_WAITS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of a try: `trouble` None: the receiver took it.

    `gone`: it wants nothing at this address any more. `hurts`: the host itself failed. `retry_after` is in seconds.
    `untried`: nothing was sent for a reason of our own, which counts as no try.
    """

    trouble: str | None = None
    gone: bool = False
    hurts: bool = False
    retry_after: float = 0.0
    untried: bool = False


def body_of(callback: Callback) -> str:
    """Return the body, the same at each try.

    Raises:
        ImportError: The extra http is not installed.
    """
    return json.dumps(document_of(callback), separators=(",", ":"))


def document_of(callback: Callback) -> dict[str, Any]:
    """Return what a callback says; nothing of a person is in it.

    Raises:
        ImportError: The extra http is not installed.
    """
    return {
        "type": callback.type,
        "timestamp": written(callback.created_at),
        "sequence": callback.sequence,
        "data": {**callback.data, "error_type": _cause(callback), "say": sentence_of(callback)},
    }


def _cause(callback: Callback) -> str | None:
    """Return why the booking was rejected or has failed, or its change was refused; None: it was not."""
    cause: str | None = callback.about["error_type"]
    return cause if callback.type in {"booking.rejected", "booking.failed", "change.refused"} else None


def headers_of(callback: Callback, settings: CallbackSettings, body: str, at: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks.

    Raises:
        SigningError: It cannot be signed here.
    """
    at = at.astimezone(UTC).replace(microsecond=0)
    secrets = secrets_of(settings.secrets, callback.api_key_id, callback.secret_version)
    return {
        "Content-Type": "application/json",
        "User-Agent": "booking-worker",
        "webhook-id": callback.name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature(secrets, callback.name, at, body),
    }


def post(
    callback: Callback, headers: Mapping[str, str], body: str, settings: CallbackSettings, resolver: Resolver = NAMES
) -> SendResult:
    """Send it once, to an address that was checked; no redirect is followed."""
    try:
        parts = urlsplit(checked_url(callback.url, settings))
    except CallbackUrlError as error:
        return SendResult(f"the address {error}")
    exchange = Exchange(
        f"{parts.scheme}://{parts.netloc}",
        connect_timeout=CONNECT_WITHIN,
        read_timeout=WITHIN,
        resolver=CheckedResolver(settings, resolver, is_plain=parts.scheme == "http"),
        tls=None,
    )
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    request = Request("POST", path, headers, body=body.encode(), max_body=MAX_ANSWER)
    try:
        return outcome_of(exchange.send(request, may_send=lambda: True, deadline=WITHIN))
    except ForbiddenAddressError as error:
        return SendResult(str(error), hurts=True)
    except NotLookedUpError as error:
        return SendResult(str(error), untried=True)
    finally:
        exchange.close()  # the next one looks the name up again


def outcome_of(answer: Answer | NoAnswer) -> SendResult:
    """Return what an answer means, or that there was none."""
    if isinstance(answer, NoAnswer):
        return SendResult(f"no answer: {answer.error_type}", hurts=True)
    if 200 <= answer.status < 300:
        return SendResult()
    hurts = answer.status >= 500 or answer.status in _WAITS
    asked = answer.headers.get("retry-after", "")
    retry_after = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0.0
    return SendResult(str(answer.status), answer.status == HTTPStatus.GONE, hurts, min(retry_after, LONGEST_ASKED))


def delay(tries: int, retry_after: float, chance: float) -> float | None:
    """Return the seconds until the next try after so many that failed; None: no further one.

    `chance`, from 0 to 1, spreads them by JITTER. A receiver's Retry-After makes it longer.
    """
    if tries >= len(DELAYS):
        return None
    return max(DELAYS[tries] * (1 + JITTER * (2 * chance - 1)), retry_after)


def written(at: datetime) -> str:
    """Return a moment as a body has it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
