"""What a row keeps of a refusal can be read by the workers of the version before, and theirs by these."""

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.reply import REFUSALS, ErrorType, Reply, ReplyKind
from tasks.unknown.refusal import as_refusal, refused_as

# Every word of a refusal that 977511c knows (its tasks/calcom/reply.py); another one is a ValueError there.
KNOWN_BEFORE = frozenset({"anothers", "taken", "limit", "refused"})


def refused(reply_kind: ReplyKind) -> Reply:
    """Be refused."""
    return Reply(kind=reply_kind, outcome=CallOutcome.SUCCESS, error_type=ErrorType.REFUSED, message="no")


@pytest.mark.parametrize("reply_kind", sorted(REFUSALS))
def test_a_refusal_is_kept_in_words_of_both_versions(reply_kind: ReplyKind) -> None:
    """During a deploy a worker of either version takes the row next: each finds a word that it knows."""
    kept = as_refusal(refused(reply_kind))
    assert kept["meaning"] in KNOWN_BEFORE
    assert refused_as(kept) is reply_kind


@pytest.mark.parametrize("word", sorted(KNOWN_BEFORE))
def test_a_refusal_of_the_version_before_is_read(word: str) -> None:
    """It kept three things: what it means, what Cal.com said, and which booking was there."""
    assert refused_as({"meaning": word, "message": "no", "uid": None}) == word
