"""What a group of requests asks of Postgres before it is stored."""

from datetime import UTC, datetime

from db.api_keys.keys import ApiKey, Scope
from resilience.call_limit import CallLimit
from resilience.exceptions import AppointmentDatabaseException
from tasks.callers.requests import CallerRequest
from worker.api.calls import HttpCall
from worker.api.concurrency.arrived import Arrived, answered

ASKED = CallerRequest.parse(
    {
        "event_type_id": 101,
        "start": "2030-03-05T10:00:00Z",
        "attendee": {"name": "Pat Example", "email": "pat@example.com", "time_zone": "UTC"},
    }
)


def key(number: int) -> ApiKey:
    """Return a key."""
    more = {"last_used_at": None, "revoked_at": None, "old_until": None, "callback_url": None, "callback_off_at": None}
    return ApiKey(
        id=number, name=f"key-{number}", handle="00000000", scopes=frozenset({Scope.BOOK}), event_types=None,
        rate=1_000, created_at=datetime.now(UTC), allowed_callback_hosts=frozenset(), secret_version=1, account_id=1,
        account=None, **more,
    )  # fmt: skip


def test_a_silent_postgres_is_asked_once_for_a_group() -> None:
    """Each of 64 requests would wait for it in turn, and all that come after them too."""
    asked: list[int] = []

    def silent() -> None:
        asked.append(1)
        raise AppointmentDatabaseException("Postgres does not answer", error_type="timeout")

    arrived = [Arrived(ASKED, key(number % 3), silent, HttpCall("c-1")) for number in range(64)]
    results = answered(CallLimit("test", None, emit=lambda _: None), arrived, lambda _: [])

    assert {type(one) for one in results} == {AppointmentDatabaseException}
    assert (len(results), len(asked)) == (64, 1)
