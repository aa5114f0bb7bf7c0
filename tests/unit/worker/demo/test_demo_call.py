"""The demo's telephone call: what the customer was told is held against our rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from db.lifecycle import Status
from worker.local import processes
from worker.local.demo.calling import NEW_START, START, CustomerCall
from worker.local.demo.judge import AppointmentRow, DemoVerdict
from worker.local.demo.receiver import Receiver
from worker.local.demo.scenario import Scenario

ROW = AppointmentRow(7, "ref-7", "confirmed", uid="uid-7", start=NEW_START)


def told(kind: str = "booking.confirmed", **changes: Any) -> dict[str, Any]:
    """Return the body of a callback."""
    return {"type": kind, "data": {"id": 7, "start": NEW_START.isoformat(), "say": "..."} | changes}


CALL = CustomerCall(7, Status.HELD, (told(),))


def test_a_call_that_was_noted_moved_and_called_back_is_true() -> None:
    """The same callback may come twice, and a callback of another kind may come before it."""
    assert list(CALL.untrue([ROW])) == []
    assert list(replace(CALL, callbacks=(told("booking.degraded"), told(), told())).untrue([ROW])) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (replace(CALL, status=Status.PENDING), "the agent said that it is noted, and it was pending"),
        (replace(CALL, callbacks=()), "no callback has said that it is booked"),
        (replace(CALL, callbacks=(told("booking.failed"),)), "no callback has said that it is booked"),
        (
            replace(CALL, callbacks=(told(start=START.isoformat()),)),
            "a callback has said that booking 7 is at 2034-03-07",
        ),
        (replace(CALL, callbacks=(told(id=8),)), "a callback has said that booking 8 is at 2034-03-08"),
    ],
)
def test_what_the_customer_was_told_and_is_not_so_is_found(call: CustomerCall, words: str) -> None:
    """Case by case; then a promise is broken."""
    lines = tuple(call.untrue([ROW]))
    assert [words in line for line in lines] == [True]
    assert not DemoVerdict(lost=(), doubled=(), unfinished=(), untrue=lines).kept


def test_a_booking_that_is_elsewhere_than_was_told_is_found() -> None:
    """Or that has no row at all."""
    assert len(list(CALL.untrue([replace(ROW, start=START + timedelta(hours=1))]))) == 1
    assert len(list(CALL.untrue([]))) == 1


def test_the_receiver_takes_what_is_signed_with_its_secret_alone() -> None:
    """As the program of a caller would."""
    mine, other = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8
    here, at, body = Receiver(secret=mine), datetime.now(UTC), '{"type":"booking.confirmed"}'
    headers = {"webhook-id": "cb_1", "webhook-timestamp": str(int(at.timestamp()))}
    signed = {
        secret: headers | {"webhook-signature": Webhook(secret).sign("cb_1", at, body)} for secret in (mine, other)
    }

    assert [here.take(body.encode(), given) for given in (signed[other], headers, signed[mine])] == [False, False, True]
    assert here.bodies == [{"type": "booking.confirmed"}]


def test_without_the_extra_nobody_calls_and_one_line_says_so() -> None:
    """With it the call begins, and nothing is said."""
    said: list[str] = []
    for call in (None, SimpleNamespace(begin=lambda: None)):
        environment, timeline = SimpleNamespace(call=call), SimpleNamespace(say=said.append)
        Scenario(environment, timeline, lambda *_: None).call_agent()  # type: ignore[arg-type]
    assert said == ["no voice agent is called: the extra http is not installed"]


def test_the_extra_is_missing_whichever_of_its_packages_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing can be served."""
    assert processes.can_serve()
    for missing in ("babel", "fastapi", "granian", "standardwebhooks"):
        monkeypatch.setattr(processes, "find_spec", lambda name, missing=missing: None if name == missing else name)
        assert not processes.can_serve()
