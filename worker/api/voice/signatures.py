"""How a provider proves itself: compared in constant time, before anything is parsed."""

import hashlib
import hmac
import re
from collections.abc import Sequence

from pydantic import SecretStr

WITHIN_MS = 300_000  # how old, or how early, a signature may be; Retell's own SDK has the same
_SIGNATURE = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)


def sign(body: bytes, key: str, at_ms: int) -> str:
    """Return the header X-Retell-Signature of a body, as Retell writes it (retell-sdk, lib/webhook_auth.py)."""
    return f"v={at_ms},d={_digest(body, key, str(at_ms))}"


def is_fresh(header: str | None, *, now_ms: float) -> bool:
    """Return whether a header is of the form of a signature that was made within WITHIN_MS of now."""
    read = _SIGNATURE.fullmatch(header or "")
    return read is not None and abs(now_ms - int(read[1])) <= WITHIN_MS


def is_retells(body: bytes, header: str | None, keys: Sequence[SecretStr], *, now_ms: float) -> bool:
    """Return whether a header is the signature of this body by one of the keys, made within WITHIN_MS of now.

    Each key is tried: the time that it takes does not tell which one fits.
    """
    read = _SIGNATURE.fullmatch(header or "")
    if read is None or not is_fresh(header, now_ms=now_ms):
        return False
    return sum(hmac.compare_digest(_digest(body, key.get_secret_value(), read[1]), read[2]) for key in keys) > 0


def is_vapis(header: str | None, secrets: Sequence[SecretStr]) -> bool:
    """Return whether a header is one of the secrets; each is tried, as with a signature."""
    given = (header or "").encode()
    return sum(hmac.compare_digest(given, secret.get_secret_value().encode()) for secret in secrets) > 0


def _digest(body: bytes, key: str, at: str) -> str:
    return hmac.new(key.encode(), body + at.encode(), hashlib.sha256).hexdigest()
