"""How `booking forget` finds a person: names of every script, numbers of every form, in a database of any locale."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.appointments import events
from db.lifecycle import Status
from db.whole_words import whole_word
from tasks import dependencies
from tasks.enqueue import enqueue_booking
from tests.integration.operations.test_forgetting import PAT, asking, dump, forget
from tests.support.callbacks.callers import LOOPBACK, move, sql

NAMES = {
    "umlauts": "Ärzte Özdemir",
    "Cyrillic": "Иван Петров",
    "Greek": "Γιώργος Ρίτσος",
    "quotes": 'Robert "Bob" Smith',
    "accents": "Émile Zola",
    "backslash": "Ann\\Bell",
    "sharp-s": "Strauß & Co",
    "kanji": "山田 太郎様",
}
NUMBER = "+4930765432"
_ADD = """
INSERT INTO operator_actions (request_id, who, via, action, why, target)
VALUES (gen_random_uuid(), 'o', 'page', 'called', :why, CAST(:target AS jsonb))
"""


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def found(word: str, written: str) -> bool:
    """Return whether PostgreSQL finds a word in a text."""
    return bool(sql("SELECT CAST(:written AS text) ~ :pattern", written=written, pattern=whole_word(word)))


def over(number: int, **more: Any) -> int:
    """Store a booking that is over; return its id."""
    booking = enqueue_booking(asking(number, **more)).appointment_id
    move(booking, Status.FAILED)
    return booking


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_found_in_each_of_its_forms(name: str) -> None:
    """In both cases, composed or not, quoted by JSON once and twice, with each character escaped."""
    once = json.dumps({"why": f"{name} rang"}, ensure_ascii=False)
    twice = json.dumps({"said": json.dumps({"why": f"\n{name}"})}, ensure_ascii=False)
    forms = [name, name.upper(), name.lower(), unicodedata.normalize("NFD", name), name.replace(" ", "\n"), once, twice]
    forms += [f"({name})", f"“{name}”", f"for {name}, ill", f"{name}…"]

    assert [form for form in forms if not found(name, form)] == []
    assert [form for form in (name[1:], f"x{name}", f"{name}x", f"ö{name}", f"{name}ж") if found(name, form)] == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_stays_in_no_order_and_in_no_event_of_its_bookings(name: str) -> None:
    """The locale of the database is C, as that of the embedded server."""
    assert sql("SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
    booking = over(1, attendee={**PAT, "name": name})
    with dependencies.current().engine.begin() as conn:
        events.record(conn, booking, "note", "worker", {"why": "x", "about": f"{name.upper()} is blocked"})
        events.record(conn, booking, "note", "worker", {"answer": json.dumps({"message": f"no {name}"})})
        conn.execute(text(_ADD), {"why": f"{name} rang", "target": "{}"})
        conn.execute(text(_ADD), {"why": "", "target": json.dumps({"search": name})})

    forget("pat@example.com")

    assert sql("SELECT array_agg(why ORDER BY id) FROM operator_actions WHERE action = 'called'") == ["forgotten", ""]
    assert sql("SELECT count(*) FROM operator_actions WHERE action = 'called' AND target <> '{}'") == 0
    kept = "SELECT count(*) FROM appointment_events WHERE kind = 'note' AND detail <> '{}'"
    assert sql(kept) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"location": {"type": "attendeePhone", "phone": NUMBER}},
        {"booking_fields_responses": {"attendeePhoneNumber": NUMBER}},
        {"booking_fields_responses": {"smsReminderNumber": "+49 (30) 765-432"}},
    ],
    ids=["place", "answer", "reminder"],
)
def test_a_booking_whose_attendee_gave_the_number_is_the_persons_own(given: dict[str, Any]) -> None:
    """Its attendee is named by an e-mail address."""
    over(1, attendee={**PAT, "phone_number": None}, **given)

    assert forget(NUMBER).own == 1
    assert [word for word in ("765432", "765-432", "pat@example.com", "pat example") if word in dump()] == []


@pytest.mark.parametrize("person", [NUMBER, "ann@example.com"])
def test_who_is_named_in_anothers_answers_is_taken_out_of_them(person: str) -> None:
    """As a guest is: the booking, and all that does not name the person, stays."""
    answers = {"who comes with you": "Ann, +49 30 765432, ann@example.com", "allergies": "none"}
    metadata = {"ann": "ANN@example.com +4930765432", "desk": "7"}
    booking = over(1, booking_fields_responses=answers, metadata=metadata)

    done = forget(person)

    assert (done.own, done.as_guest, done.living) == (0, 1, [])
    row = "SELECT jsonb_build_array(attendee_name, booking_fields_responses, request_metadata) FROM appointments"
    assert sql(f"{row} WHERE id = :id", id=booking) == ["Pat Example", {"allergies": "none"}, {"desk": "7"}]


def test_a_booking_that_lives_and_has_the_number_is_named() -> None:
    """Nothing of it is replaced."""
    answers = {"attendeePhoneNumber": NUMBER}
    lives = enqueue_booking(asking(1, booking_fields_responses=answers)).appointment_id

    assert list(forget(NUMBER).living) == [lives]
    assert sql("SELECT booking_fields_responses FROM appointments") == answers


def test_a_booking_that_lives_keeps_what_names_its_attendee_by_another_word() -> None:
    """The number is forgotten; with it the address of the ended booking, which a booking that lives has, too."""
    over(1, location={"type": "attendeePhone", "phone": NUMBER})
    lives = enqueue_booking(asking(2)).appointment_id
    with dependencies.current().engine.begin() as conn:
        events.record(conn, lives, "note", "worker", {"at": "pat@example.com"})

    assert forget(NUMBER).own == 1
    assert sql("SELECT detail FROM appointment_events WHERE kind = 'note'") == {"at": "pat@example.com"}


def test_other_numbers_are_not_found() -> None:
    """Nor is one of which it is a part."""
    others = ["+49307654321", "149307654321", "4930 765432 1", "2030-03-05", "+49 30 76543"]

    assert [other for other in others if found("4930765432", other)] == ["4930 765432 1"]
