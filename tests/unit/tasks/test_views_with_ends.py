"""The answer to requests that were stored, when Postgres does not answer any more."""

from datetime import UTC, datetime

import pytest

from db.appointments.views import BookingView
from db.lifecycle import Status
from resilience.exceptions import AppointmentDatabaseException
from tasks.callers import views

STORED = BookingView(
    id=1, api_key_id=1, status=Status.CONFIRMED, hold_reason=None, error_type=None,
    start=datetime(2030, 3, 5, tzinfo=UTC), awaits_host=False,
    time_zone="UTC", language=None, requested_at=None, event_type_id=101,
)  # fmt: skip


def test_what_is_stored_is_never_told_as_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch has new bookings beside known ones: those of the receipts are told."""

    def silent(_: object) -> list[BookingView]:
        raise AppointmentDatabaseException("Postgres does not answer", error_type="timeout")

    monkeypatch.setattr(views, "views_of_all", silent)

    assert views.with_their_ends([STORED]) == [STORED]
