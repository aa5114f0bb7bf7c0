"""The languages of what is said: each has the same sentences, and none says what the English one does not."""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from tasks.callers import languages
from tasks.callers.languages import ENGLISH, LANGUAGES, is_known
from tasks.callers.sentences import SENTENCES, Said, spoken, spoken_together
from tasks.changes.ask.spoken import CHANGE_SENTENCES, SaidOfChange
from worker.api.voice.sentences import ASKED, Asked

TABLES = {"booking": SENTENCES, "change": CHANGE_SENTENCES, "asked": ASKED}
LONGEST = datetime(2031, 9, 24, 22, tzinfo=UTC)
_HOLE = re.compile(r"\{\w*\}")
_C = SaidOfChange
# What each language says where a booking is at Cal.com, or is not any more; elsewhere it would be a promise too many.
BOOKED = {
    "en": "booked", "de": "gebucht", "es": "reservada", "fr": "réservé", "it": "prenotato", "nl": "geboekt",
    "pt": "reservada",
}  # fmt: skip
CANCELLED = {
    "en": "is cancelled|are cancelled", "de": "abgesagt", "es": "está cancelada|están canceladas",
    "fr": "est annulé|est déjà annulé|sont annulés", "it": "è annullato|è già annullato|sono annullati",
    "nl": "(is|zijn)( al)? geannuleerd", "pt": "está cancelada|estão canceladas",
}  # fmt: skip
CONFIRM = {
    "en": "confirm",
    "de": "bestätig",
    "es": "confirm",
    "fr": "confirm",
    "it": "conferm",
    "nl": "bevestig",
    "pt": "confirm",
}
NOT_NOW = {
    "en": "does not answer", "de": "antwortet", "es": "no responde", "fr": "ne répond pas", "it": "non risponde",
    "nl": "antwoordt", "pt": "não responde",
}  # fmt: skip
CALLS_BACK = {
    "en": "will call you", "de": "ruft Sie an", "es": "Le llamará", "fr": "vous appellera", "it": "La chiamerà",
    "nl": "belt u", "pt": "vai ligar-lhe",
}  # fmt: skip


def all_sentences(language: str) -> Iterator[tuple[Said | SaidOfChange | Asked, str]]:
    """Return all sentences of a language."""
    for table in (SENTENCES, CHANGE_SENTENCES, ASKED):
        yield from table[language].items()


def saying(words: str, language: str) -> set[Said | SaidOfChange | Asked]:
    """Return the sentences of a language that have these words, a pattern."""
    return {key for key, sentence in all_sentences(language) if re.search(words, sentence)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_has_each_sentence_and_nothing_else(language: str) -> None:
    """A sentence that nobody says is one that nobody has checked."""
    written = tomllib.loads((files(languages) / f"{language}.toml").read_text("utf-8"))

    assert written.keys() == {"or", "time", *TABLES}
    for name, table in TABLES.items():
        assert written[name].keys() == {str(key) for key in table[ENGLISH]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_sentence_has_the_holes_of_the_english_one(language: str) -> None:
    """A time that is not said is not agreed upon."""
    english = dict(all_sentences(ENGLISH))
    for key, sentence in all_sentences(language):
        assert sorted(_HOLE.findall(sentence)) == sorted(_HOLE.findall(english[key])), sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_long_with_the_longest_time(language: str) -> None:
    """It is heard, not read: at most 200 characters, of one line; three times are at most 240."""
    time = spoken(LONGEST, "Europe/Berlin", language)
    times = f"{time}, {time} {languages.OR[language]} {time}"
    for key, sentence in all_sentences(language):
        told = sentence.format(time=time, old=time, times=times, question="q" * 150)
        assert told.isprintable()
        assert len(told) <= (240 if "{times}" in sentence else 200), (key, told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_must_be_true_is_said_where_it_is_true_and_nowhere_else(language: str) -> None:
    """What is booked, cancelled, confirmed later, or to be called about; and whether the calendar answers."""
    booked = {Said.DONE, Said.AGAIN}
    assert booked <= saying(BOOKED[language], language) <= booked | {Asked.WHICH}
    outages = {Said.OUTAGE, _C.MOVE_OUTAGE, _C.CANCEL_OUTAGE}
    assert saying(NOT_NOW[language], language) == outages
    assert outages | {Said.BUSY, Said.UNDER_WAY, Said.HOST, _C.MOVE_BUSY, _C.CANCEL_BUSY, _C.CANCEL_NOTED} <= saying(
        CONFIRM[language], language
    )
    gone = {Said.CANCELLED, _C.CANCELLED, _C.CANCELLED_ALREADY, _C.WEEK_CANCELLED, _C.WEEKS_CANCELLED}
    assert gone <= saying(CANCELLED[language], language) <= gone | {Asked.ONCE_MORE}
    assert saying(CALLS_BACK[language], language) == {
        key for key, sentence in all_sentences(ENGLISH) if CALLS_BACK[ENGLISH] in sentence
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_one_in_each_language(language: str) -> None:
    """Where the English agent asks, so does this one."""
    asking = {key for key, sentence in all_sentences(ENGLISH) if sentence.endswith("?")}

    assert {key for key, sentence in all_sentences(language) if sentence.endswith("?")} == asking


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_is_named_once_among_times(language: str) -> None:
    """At the first of its times."""
    starts = [datetime(2030, 3, 5, hour, tzinfo=UTC) for hour in (9, 10)]
    first, second = spoken_together(starts, "Europe/Berlin", language)

    assert (first, len(second) < len(first)) == (spoken(starts[0], "Europe/Berlin", language), True)


@pytest.mark.parametrize(
    ("tag", "known"), [("en", True), ("en-US", True), ("pt-BR", True), ("xx", False), ("en_US", False), ("", False)]
)
def test_a_tag_has_a_language_and_perhaps_a_region(tag: str, *, known: bool) -> None:
    """What else an address says is a mistake of the set-up."""
    assert is_known(tag) is known
