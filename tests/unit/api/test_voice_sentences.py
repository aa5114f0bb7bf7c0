"""The sentences of voice agents, and Retell's signature."""

from pydantic import SecretStr

from tasks.callers.languages import OR
from tasks.callers.sentences import SENTENCES
from worker.api.voice.sentences import ASKED, Asked
from worker.api.voice.signatures import is_retells, sign

LONGEST_TIME = "Donnerstag, 30. September um 00:00 Uhr"


def test_no_sentence_is_missing_or_long() -> None:
    """In each language of the bookings' sentences, of one line, with at most 200 characters."""
    assert ASKED.keys() == SENTENCES.keys() == OR.keys()
    for language, sentences in ASKED.items():
        assert sentences.keys() == set(Asked)
        times = f"{LONGEST_TIME}, {LONGEST_TIME} {OR[language]} {LONGEST_TIME}"
        told = [sentence.format(time=LONGEST_TIME, times=times) for sentence in sentences.values()]
        assert [one for one in told if not one.isprintable() or len(one) > 200 or "{" in one] == []


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
