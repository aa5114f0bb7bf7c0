"""The sentences of the API: none is missing, each is short, and each state has the one that is true of it."""

from datetime import UTC, datetime

import pytest

from db.appointments.views import BookingView
from db.lifecycle import HoldReason, Status
from db.monitoring.incidents import IncidentKind
from tasks.callers.sentences import SENTENCES, Said, not_accepted, say, what_is_true
from tasks.changes.ask.spoken import CHANGE_SENTENCES, SaidOfChange

VIEW = {
    "id": 1, "api_key_id": 1, "status": Status.PENDING, "hold_reason": None, "error_type": None,
    "start": datetime(2030, 3, 5, 9, tzinfo=UTC), "awaits_host": None, "time_zone": "Europe/Berlin", "language": None,
    "requested_at": None, "event_type_id": 101,
}  # fmt: skip


def view(**changes: object) -> BookingView:
    """Return a booking that waits, but for the changes."""
    return BookingView(**{**VIEW, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, Said.UNDER_WAY),
        ({"status": Status.CONFIRMED}, Said.DONE),
        ({"status": Status.CONFIRMED, "awaits_host": True}, Said.HOST),
        ({"status": Status.HELD, "hold_reason": HoldReason.BREAKER_OPEN}, Said.OUTAGE),
        ({"status": Status.HELD, "hold_reason": HoldReason.THROTTLED}, Said.BUSY),
        ({"status": Status.HELD, "hold_reason": HoldReason.IN_LINE, "waits_for": HoldReason.THROTTLED}, Said.BUSY),
        ({"status": Status.HELD, "hold_reason": HoldReason.IN_LINE, "waits_for": HoldReason.BREAKER_OPEN}, Said.OUTAGE),
        ({"ahead": 1, "status": Status.HELD, "hold_reason": HoldReason.THROTTLED}, Said.BEHIND),
        ({"status": Status.HELD, "hold_reason": HoldReason.SETTLING}, Said.UNDER_WAY),
        ({"status": Status.HELD, "hold_reason": HoldReason.SUSPECT}, Said.OPERATOR),
        ({"ahead": 1}, Said.BEHIND),
        ({"ahead": 2, "status": Status.HELD, "hold_reason": HoldReason.BREAKER_OPEN}, Said.BEHIND),
        ({"ahead": 1, "status": Status.HELD, "hold_reason": HoldReason.SUSPECT}, Said.OPERATOR),
        ({"status": Status.REJECTED, "error_type": "taken"}, Said.TAKEN),
        ({"status": Status.REJECTED, "error_type": "refused"}, Said.REFUSED),
        ({"status": Status.EXPIRED}, Said.FAILED),
        ({"status": Status.FAILED}, Said.FAILED),
        ({"status": Status.CANCELLED}, Said.CANCELLED),
    ],
)
def test_each_state_has_its_sentence(changes: dict[str, object], said: Said) -> None:
    """Never "booked" or "taken" of a booking that is neither."""
    assert what_is_true(view(**changes)) is said


def test_only_what_an_alert_names_is_promised_a_call() -> None:
    """A booking that has failed or expired is an incident, whose list is called, as a failed cancel is."""
    calls = {"en": "will call you", "de": "ruft Sie an"}

    for language, words in calls.items():
        told = [*SENTENCES[language].items(), *CHANGE_SENTENCES[language].items()]
        assert {said for said, sentence in told if words in sentence} == {Said.FAILED, SaidOfChange.CANCEL_FAILED}
    ends = (Status.REJECTED, Status.FAILED, Status.EXPIRED)
    promised = {str(status) for status in ends if what_is_true(view(status=status)) is Said.FAILED}
    assert promised == {"failed", "expired"}
    assert promised <= set(IncidentKind)


def test_every_state_and_every_hold_has_a_sentence() -> None:
    """Also those that are added later."""
    holds = [view(status=Status.HELD, hold_reason=reason) for reason in HoldReason]
    states = [view(status=status) for status in Status if status is not Status.HELD]

    assert all(say(one) for one in (*holds, *states))


def test_who_asks_again_for_a_booking_hears_that_it_is_theirs() -> None:
    """And never that the time is taken."""
    assert say(view(status=Status.CONFIRMED), again=True) == "You are booked for Tuesday, 5 March at 10:00 already."
    assert what_is_true(view(status=Status.CONFIRMED, awaits_host=True), again=True) is Said.HOST
    assert what_is_true(view(), again=True) is Said.UNDER_WAY


@pytest.mark.parametrize(
    ("language", "zone", "sentence"),
    [
        ("de", "Europe/Berlin", "Ihr Termin ist gebucht: Dienstag, 5. März um 10:00 Uhr."),
        ("en", "America/New_York", "You are booked for Tuesday, March 5 at 4:00 AM."),
        (None, "Australia/Sydney", "You are booked for Tuesday, 5 March at 8:00 pm."),
        ("en", "Africa/Johannesburg", "You are booked for Tuesday, 5 March at 11:00."),
        ("en-US", "Europe/Berlin", "You are booked for Tuesday, March 5 at 10:00 AM."),
        ("en-GB", "America/New_York", "You are booked for Tuesday, 5 March at 04:00."),
        ("es", "Europe/Madrid", "Su cita está reservada: martes, 5 de marzo, a las 10:00."),
        ("es-419", "America/Bogota", "Su cita está reservada: martes, 5 de marzo, a las 04:00."),
        ("fr", "Europe/Paris", "Votre rendez-vous est réservé : mardi 5 mars à 10 h 00."),
        ("it", "Europe/Rome", "Il Suo appuntamento è prenotato: martedì 5 marzo alle ore 10:00."),
        ("nl", "Europe/Amsterdam", "Uw afspraak is geboekt: dinsdag 5 maart om 10:00 uur."),
        ("pt-BR", "America/Sao_Paulo", "A sua marcação está reservada: terça-feira, 5 de março, às 06:00."),
        ("sv", "Pacific/Auckland", "You are booked for Tuesday, 5 March at 10:00 pm."),
    ],
)
def test_a_time_is_told_in_the_attendees_zone_and_language(language: str | None, zone: str, sentence: str) -> None:
    """English where there is no sentence of a language; the clock is that of the tag's region, or of the zone's."""
    assert say(view(status=Status.CONFIRMED, language=language, time_zone=zone)) == sentence
    assert not_accepted(language) in {one[Said.NOT_ACCEPTED] for one in SENTENCES.values()}
