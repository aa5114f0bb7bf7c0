"""The signature of a callback, in the form of Standard Webhooks; each API key's secret is derived, never stored."""

import base64
from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from tasks.accounts.derivation import derived

_SALT = b"booking-worker callbacks"
_NOT_INSTALLED = "the package standardwebhooks is missing: in the clone, pip install ./client '.[http]'"


class SigningError(Exception):
    """Report that callbacks cannot be signed here; the text names no secret."""


def secrets_of(secrets: Sequence[SecretStr], key_id: int, version: int) -> list[str]:
    """Return the secrets of an API key as its holder has them, one for each value of CALLBACK_SECRET.

    Raises:
        SigningError: CALLBACK_SECRET is not set.
    """
    if not secrets:
        raise SigningError("CALLBACK_SECRET is not set: give it 32 random characters or more (openssl rand -hex 32)")
    info = f"key {key_id} version {version}"
    return [f"whsec_{base64.b64encode(derived(one, _SALT, info)).decode()}" for one in secrets]


def signature(secrets: Sequence[str], name: str, at: datetime, body: str) -> str:
    """Return the header `webhook-signature`; `at` is in UTC.

    Raises:
        SigningError: The library is not installed.
    """
    try:
        from standardwebhooks.webhooks import Webhook  # noqa: PLC0415 - of the extra http
    except ImportError:
        raise SigningError(_NOT_INSTALLED) from None
    return " ".join(Webhook(secret).sign(name, at, body) for secret in secrets)
