"""How soon a webhook of Cal.com's is answered while PostgreSQL is frozen, beside 0.3 s: Cal.com waits for the answer.

Eight come at once, as when eight people book; each is a hint of its own, so each is one INSERT that hangs.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from statistics import quantiles
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from environment import deployment, frozen
from front_door.serving import WITHIN, serving
from pydantic import SecretStr

from tasks.calcom_webhooks.secrets import secret_of, token_of

ROUNDS, WEBHOOKS, AT_ONCE = 5, 160, 8
BOUND = 0.3  # seconds
ACCOUNT = 1
SECRET = SecretStr("invented-secret-of-a-benchmark-of-webhooks")


def pairs() -> Iterator[dict[str, float]]:
    """Send webhooks to a frozen PostgreSQL: each must be told that it was not kept, and soon."""
    with deployment(calcom_webhook_secret=(SECRET,)) as ready, serving(ready) as served:
        for turn in range(ROUNDS):
            _require(204, {_answer(served.port, f"before-{turn}")[0]})
            with frozen(ready.servers.postgres), ThreadPoolExecutor(AT_ONCE) as pool:
                told = list(pool.map(partial(_answer, served.port), (f"{turn}-{one}" for one in range(WEBHOOKS))))
            _require(503, {status for status, _ in told})
            yield {"webhook_frozen": quantiles((seconds for _, seconds in told), n=20)[-1] / BOUND}


def _require(status: int, told: set[int]) -> None:
    """Raise SystemExit unless each answer was this one."""
    if told != {status}:
        raise SystemExit(f"the answers to webhooks were {sorted(told)} and not {status}")


def _answer(port: int, uid: str) -> tuple[int, float]:
    """Send one that is signed; return the status of its answer, and after how many seconds it came."""
    payload = {"uid": uid, "metadata": {}}
    told_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = json.dumps({"triggerEvent": "BOOKING_CREATED", "createdAt": told_at, "payload": payload}).encode()
    signed = hmac.digest(secret_of(SECRET, ACCOUNT).encode(), body, hashlib.sha256).hex()
    headers = {"Content-Type": "application/json", "X-Cal-Signature-256": signed}
    asked = Request(f"http://127.0.0.1:{port}/v1/calcom/webhook/{token_of(SECRET, ACCOUNT)}", body, headers)
    begun = time.monotonic()
    try:
        with urlopen(asked, timeout=WITHIN) as answer:  # noqa: S310 - the server that runs here
            return answer.status, time.monotonic() - begun
    except HTTPError as refused:
        with refused:
            return refused.code, time.monotonic() - begun
