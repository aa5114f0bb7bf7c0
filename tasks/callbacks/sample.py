"""A sample of a callback: sent at once, and once, so that who sets a receiver up sees what comes of it."""

import json
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from db.api_keys.keys import ApiKey
from db.callbacks import Callback
from tasks import dependencies
from tasks.callbacks.sending import SendResult, headers_of, post, written

TYPE = "callback.test"


class SentSample(NamedTuple):
    """Hold the `webhook-id` of a sample, and what came of it."""

    name: str
    came_of: SendResult


def send_sample(key: ApiKey, url: str) -> SentSample:
    """Send a sample to the callback address of a key, signed as each of its callbacks; about no booking.

    Raises:
        SigningError: It cannot be signed here.
    """
    settings, now = dependencies.current().callbacks, datetime.now(UTC)
    sample = Callback(
        id=0,
        appointment_id=0,
        sequence=0,
        api_key_id=key.id,
        secret_version=key.secret_version,
        type=TYPE,
        url=url,
        host=urlsplit(url).hostname or "",
        data={},
        about={},
        time_zone="UTC",
        language=None,
        tries=0,
        created_at=now,
    )
    body = json.dumps(
        {"type": TYPE, "timestamp": written(now), "sequence": 0, "data": {}},
        separators=(",", ":"),
    )
    return SentSample(sample.name, post(sample, headers_of(sample, settings, body, now), body, settings))
