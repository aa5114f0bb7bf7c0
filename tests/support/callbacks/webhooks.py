"""Webhooks as Cal.com sends them: the body of each trigger, and its signature."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from tasks.calcom_webhooks.secrets import secret_of, token_of

SECRET = "a-secret-of-webhooks-with-36-letters"
GIVEN = {"CALCOM_WEBHOOK_SECRET": SECRET}


def body(trigger: str, uid: str, *, age: timedelta = timedelta(), reference: str | None = None, **more: Any) -> bytes:
    """Return a body: those of CANCELLED and REJECTED have no reference of ours, as Cal.com sends them."""
    told_at = (datetime.now(UTC) - age).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload: dict[str, Any] = {
        "title": "Call between Host and Pat Example",
        "attendees": [{"email": "pat@example.com", "name": "Pat Example"}],
        "uid": uid,
        **more,
    }
    if reference is not None:
        payload["metadata"] = {"bookingWorkerRef": reference}
    return json.dumps({"triggerEvent": trigger, "createdAt": told_at, "payload": payload}).encode()


def signature(sent: bytes, *, account: int = 1, secret: str = SECRET) -> str:
    """Return what Cal.com sends as X-Cal-Signature-256."""
    return hmac.new(secret_of(SecretStr(secret), account).encode(), sent, hashlib.sha256).hexdigest()


def path(*, account: int = 1, secret: str = SECRET) -> str:
    """Return the path of an account's address."""
    return f"/v1/calcom/webhook/{token_of(SecretStr(secret), account)}"
