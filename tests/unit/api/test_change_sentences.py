"""The sentences of changes: none is missing, each is short, and none says what is not so."""

from tasks.callers.sentences import SENTENCES
from tasks.changes.ask.spoken import CHANGE_SENTENCES, SaidOfChange

LONGEST_TIME = "Donnerstag, 30. September um 00:00 Uhr"


def test_no_sentence_is_missing_or_long() -> None:
    """In each language of the bookings' sentences, of one line, with at most 200 characters."""
    assert CHANGE_SENTENCES.keys() == SENTENCES.keys()
    for sentences in CHANGE_SENTENCES.values():
        assert sentences.keys() == set(SaidOfChange)
        told = [sentence.format(time=LONGEST_TIME, old=LONGEST_TIME) for sentence in sentences.values()]
        assert [one for one in told if not one.isprintable() or len(one) > 200 or "{" in one] == []
