"""Encrypted secrets: each opens in its own row alone. The library is loaded when the first one is.

A secret is never in a message, in Redis, a log, an event, an argument of a command or a `repr`.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pydantic import SecretStr

_NONE = "ACCOUNT_ENCRYPTION_KEYS is not set"
_NOT_INSTALLED = "the package cryptography is missing: in the clone, pip install ./client '.[accounts]'"


class KeyUnreadableError(Exception):
    """Report that a key cannot be encrypted or decrypted here; the text names neither the key nor what it is in."""


class KeyCipher:
    """Encrypt with the first of ACCOUNT_ENCRYPTION_KEYS, decrypt with any of them.

    `row` says in which row a secret stands: `account` and `service` of an API key of Cal.com's, `api_key` and
    `platform` of a secret of an agent's.
    """

    def __init__(self, secrets: Sequence[SecretStr] = ()) -> None:
        self._secrets = tuple(secrets)

    def encrypt(self, key: SecretStr, **row: str | int) -> str:
        """Return a secret as its row has it; in another row it opens nothing.

        Raises:
            KeyUnreadableError: No encryption key is set.
        """
        written: bytes = self._fernet.encrypt(json.dumps({**row, "key": key.get_secret_value()}).encode())
        return written.decode()

    def decrypt(self, encrypted: str, **row: str | int) -> SecretStr:
        """Return the secret that this row has.

        Raises:
            KeyUnreadableError: No encryption key here opens it, or it is another row's.
        """
        content = json.loads(self._opened(encrypted))
        key = content.pop("key")
        if content != row:
            raise KeyUnreadableError("the key was encrypted for another row")
        return SecretStr(key)

    def encrypt_again(self, encrypted: str) -> str:
        """Return the same content, encrypted with the first encryption key.

        Raises:
            KeyUnreadableError: No encryption key here opens it.
        """
        written: bytes = self._fernet.encrypt(self._opened(encrypted))
        return written.decode()

    def _opened(self, encrypted: str) -> bytes:
        fernet = self._fernet
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see the module

        try:
            opened: bytes = fernet.decrypt(encrypted.encode())
        except InvalidToken:
            raise KeyUnreadableError("none of ACCOUNT_ENCRYPTION_KEYS opens the key") from None
        return opened

    @cached_property
    def _fernet(self) -> Any:
        if not self._secrets:
            raise KeyUnreadableError(_NONE)
        try:
            from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 10 MB that one account does not need
        except ImportError:
            raise KeyUnreadableError(_NOT_INSTALLED) from None
        return MultiFernet([Fernet(secret.get_secret_value()) for secret in self._secrets])
