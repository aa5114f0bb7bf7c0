"""Retell's signature."""

from pydantic import SecretStr

from worker.api.voice.signatures import is_retells, sign


def test_a_signature_is_as_retells_own_sdk_writes_it() -> None:
    """Made by `retell.lib.webhook_auth` of retell-sdk."""
    body, made = (
        b'{"name":"book"}',
        "v=1900000000000,d=86129ffa6e2639f4e2bde63e9890ce919ef9d8d7c4f896de857cb4b37b15e164",
    )

    assert sign(body, "key_1", 1_900_000_000_000) == made
    assert is_retells(body, made, [SecretStr("no"), SecretStr("key_1")], now_ms=1_900_000_000_000 + 300_000)
    assert not is_retells(body, made, [SecretStr("key_1")], now_ms=1_900_000_000_000 + 300_001)
    assert not is_retells(body + b" ", made, [SecretStr("key_1")], now_ms=1_900_000_000_000)
    assert not is_retells(body, made, [], now_ms=1_900_000_000_000)
