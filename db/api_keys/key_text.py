"""The text of an API key: `bw_<8>_<rest>`, where the 8 characters name the key and the rest is its secret.

The last six characters are a checksum, so a typing error costs no query. A secret is 32 random bytes: no dictionary has
it, so one SHA-256 is enough to store it by.
"""

import hashlib
import re
import secrets
import string
import zlib

_DIGITS = string.digits + string.ascii_letters  # no mark among them: a double click selects all of it
_PREFIX, HANDLE_LENGTH, _SECRET_BYTES, _SECRET_LENGTH, _SUM_LENGTH = "bw", 8, 32, 43, 6
_FORM = re.compile(
    rf"{_PREFIX}_([0-9A-Za-z]{{{HANDLE_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH + _SUM_LENGTH}}}", re.ASCII
)


def new_handle() -> str:
    """Return eight random characters for the name of a new key; they are no secret."""
    return "".join(secrets.choice(_DIGITS) for _ in range(HANDLE_LENGTH))


def new_key(handle: str) -> str:
    """Return the text of a new key with this handle; only its hash is stored, so it cannot be shown again."""
    text = f"{_PREFIX}_{handle}_{_written(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_LENGTH)}"
    return text + _checksum(text)


def is_key(text: str) -> bool:
    """Return whether a text is a key by its form and its checksum; whether it is in force is in the table."""
    return _FORM.fullmatch(text) is not None and _checksum(text[:-_SUM_LENGTH]) == text[-_SUM_LENGTH:]


def is_handle(text: str) -> bool:
    """Return whether a text has the form of a handle."""
    return len(text) == HANDLE_LENGTH and all(mark in _DIGITS for mark in text)


def hash_of(key: str) -> bytes:
    """Return the SHA-256 that the table has of a key."""
    return hashlib.sha256(key.encode("ascii")).digest()


def _checksum(text: str) -> str:
    return _written(zlib.crc32(text.encode("ascii")), _SUM_LENGTH)


def _written(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
