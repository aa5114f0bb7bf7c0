"""What names the bookings of one telephone call: idempotency keys that count from one."""

import re
from dataclasses import dataclass

from db.api_keys.keys import ApiKey

MOST = 10  # bookings of one call
CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Hold what names one telephone call: the agent and its id of the call; its API key and its event type.

    `call` None: nothing names the call, so a request has its derived key.
    """

    agent: str
    call: str | None
    key: ApiKey
    event_type: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the idempotency keys of this call's bookings, the first one first; none where nothing names the call.

        A key has a number and nothing of the request: Postgres stores each key once, so only one of two different
        requests that come at the same time is the call's first.
        """
        if self.call is None:
            return ()
        return tuple(f"{self.agent}:{self.call}:{self.event_type}:{number}" for number in range(1, MOST + 1))
