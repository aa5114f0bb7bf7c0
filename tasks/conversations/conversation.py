"""What names the bookings of one telephone call: idempotency keys that count from one."""

import re
from dataclasses import dataclass

from db.api_keys.keys import ApiKey

MOST = 10  # bookings of one call
CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Name one call of a voice agent, whose key it has and which event type it may book.

    `call` None: nothing names the call, so a request has its derived key.
    """

    agent: str
    call: str | None
    key: ApiKey
    event_type: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the idempotency keys of this call's bookings, the first one first; none where nothing names the call.

        They count, and do not depend on what was asked for: Postgres stores a key once, so of two different requests
        that come at the same time only one is the call's first.
        """
        if self.call is None:
            return ()
        return tuple(f"{self.agent}:{self.call}:{self.event_type}:{number}" for number in range(1, MOST + 1))
