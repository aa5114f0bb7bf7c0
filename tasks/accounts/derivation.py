"""Secrets that are derived from one of the settings, and stored nowhere."""

import hashlib
import hmac

from pydantic import SecretStr


def derived(secret: SecretStr, salt: bytes, info: str) -> bytes:
    """Return 32 bytes by HKDF with SHA-256 (RFC 5869): of so few its second step has one round."""
    extracted = hmac.digest(salt, secret.get_secret_value().encode(), hashlib.sha256)
    return hmac.digest(extracted, info.encode() + b"\x01", hashlib.sha256)
