"""The address and the secret of each account's webhook: derived from CALCOM_WEBHOOK_SECRET, and stored nowhere."""

import hashlib
import hmac
import re
from collections.abc import Sequence

from pydantic import SecretStr

from tasks.accounts.derivation import derived

_SALT = b"booking-worker calcom webhooks"
_TOKEN = re.compile(r"([1-9][0-9]{0,8})-[0-9a-f]{40}", re.ASCII)


def token_of(secret: SecretStr, account: int) -> str:
    """Return the last part of an account's address: without it not even a wrong signature can be sent."""
    return f"{account}-{derived(secret, _SALT, f'token {account}').hex()[:40]}"


def secret_of(secret: SecretStr, account: int) -> str:
    """Return what Cal.com signs an account's webhooks with."""
    return derived(secret, _SALT, f"secret {account}").hex()


def account_of(token: str, secrets: Sequence[SecretStr]) -> int | None:
    """Return the account whose address has this token; None: no address has it."""
    read = _TOKEN.fullmatch(token)
    if read is None:
        return None
    account = int(read[1])
    known = [hmac.compare_digest(token, token_of(secret, account)) for secret in secrets]
    return account if any(known) else None


def is_signed(body: bytes, signature: str, secrets: Sequence[SecretStr], account: int) -> bool:
    """Return whether the account's secret has signed these very bytes."""
    if not signature.isascii():
        return False
    made = [hmac.digest(secret_of(one, account).encode(), body, hashlib.sha256).hex() for one in secrets]
    return any([hmac.compare_digest(signature.lower(), one) for one in made])  # noqa: C419 - each is compared
