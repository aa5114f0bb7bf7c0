"""An audit is calm: waits for its turn, ends while Cal.com is left alone, probes nothing, and judges no half list."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.audit.calls import AuditHalted
from tasks.audit.survey import survey
from tasks.operations import breaker_overrides
from tests.support.audits.scene import Scene
from tests.support.fleet import eventually

LIST = {"method": "GET", "path": "/v2/bookings"}


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them, and a breaker that three failures open for good."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600")
    return Scene(record, simulator)


@pytest.fixture
def soon(settings: Callable[..., dict[str, str]], scene: Scene) -> Scene:
    """Hand out the same, and a breaker that is soon half-open."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
    return scene


def test_an_open_breaker_ends_it_with_nothing_sent(scene: Scene, simulator: Any) -> None:
    """And with words that say so."""
    breaker_overrides.force(
        dependencies.current().engine,
        dependencies.current().breaker,
        "open",
        by="ops",
        why="Cal.com asked us to",
        until=None,
    )
    with pytest.raises(AuditHalted, match="the circuit breaker is open"):
        scene.audit()
    assert simulator.journal() == []


def test_a_half_open_breaker_keeps_its_probe_for_a_booking(soon: Scene, simulator: Any) -> None:
    """The one permit of a half-open breaker is there for the asking afterwards."""
    breaker = dependencies.current().breaker
    for _ in range(3):
        breaker.record_failure("timeout")
    eventually_half_open(breaker)
    for _ in range(2):
        with pytest.raises(AuditHalted, match="the circuit breaker is open"):
            soon.audit()
    assert simulator.journal() == []
    assert breaker.acquire("bookings.create", owner="a booking").probe


def eventually_half_open(breaker: Any) -> None:
    """Wait until OPEN is over."""
    eventually(lambda: breaker.get_status().state is State.HALF_OPEN)


@pytest.mark.parametrize("endpoint", ["bookings.list", "bookings.get", "bookings.cancel"])
def test_it_probes_what_only_audits_call(soon: Scene, endpoint: str) -> None:
    """The service is well; without a probe nothing but an operator's reset would ever open that call again."""
    breaker = dependencies.current().breaker
    for _ in range(3):
        breaker.record_failure("http_500", endpoint)
    eventually(lambda: breaker.get_status().endpoints[endpoint].state is State.HALF_OPEN)
    calls = soon.calls(threading.Event().wait)
    if endpoint == "bookings.list":
        calls.list_bookings({"take": 1})
    elif endpoint == "bookings.get":
        calls.booking("nothing")
    else:
        calls.cancel("nothing", {}, may_send=lambda: True, correlation_id="test")
    assert breaker.get_status().endpoints[endpoint].state is State.CLOSED


def test_it_waits_while_bookings_wait_for_the_limit(scene: Scene, record: Any) -> None:
    """What is free of the limit is theirs."""
    waiting, waits = record.moved(Status.HELD, hold_reason=HoldReason.THROTTLED), []

    def pause(seconds: float) -> None:
        waits.append((seconds, len(scene.simulator.journal())))
        record.write(waiting.id, status="cancelled", hold_reason=None, held_at=None)

    scene.calls(pause).list_bookings({"take": 1})

    assert waits == [(1.0, 0)]


def test_a_key_that_cal_com_refuses_ends_it(
    settings: Callable[..., dict[str, str]], scene: Scene, simulator: Any
) -> None:
    """The first answer says it, and nothing more goes with that key."""
    settings(CALCOM_API_KEY="cal_test_expired")
    with pytest.raises(AuditHalted, match="credentials"):
        scene.audit()
    with pytest.raises(AuditHalted, match="refuses our API key"):
        scene.audit()
    assert len(simulator.journal()) == 1


def test_over_the_limit_it_waits_for_its_turn(settings: Callable[..., dict[str, str]], scene: Scene) -> None:
    """As long as the limit says, and sends nothing meanwhile."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="7")  # one each 8.6 s
    breaker, waits = dependencies.current().breaker, []

    def use_up() -> None:
        while breaker.acquire("bookings.list", owner=f"somebody {len(waits)}", probe_ok=False):
            pass

    def pause(seconds: float) -> None:
        waits.append((seconds, len(scene.simulator.journal())))
        breaker.reset(by="test", why="time passes")
        use_up()
        if len(waits) == 3:
            raise KeyboardInterrupt

    use_up()
    with pytest.raises(KeyboardInterrupt):
        scene.calls(pause).list_bookings({"take": 1})
    assert len(waits) == 3
    assert all(0 < seconds <= 60 and sent == 0 for seconds, sent in waits)


@pytest.mark.parametrize(
    ("ask", "endpoint", "path"),
    [
        (lambda calls: calls.booking("u/1"), "bookings.get", "/v2/bookings/u%2F1"),
        (lambda calls: calls.booking_of_seat("s"), "bookings.get", "/v2/bookings/by-seat/s"),
        (lambda calls: calls.event_type(101), "event_types", "/v2/event-types/101"),
        (
            lambda calls: calls.event_types({"username": "host1", "eventSlug": "plain"}),
            "event_types",
            "/v2/event-types?username=host1&eventSlug=plain",
        ),
        (lambda calls: calls.me(), "me", "/v2/me"),
    ],
)
def test_each_question_has_its_permit_and_report(
    scene: Scene, simulator: Any, ask: Callable[[Any], object], endpoint: str, path: str
) -> None:
    """Failures count for its endpoint alone; then nothing of it is sent any more."""
    simulator.faults("status", name="internal")
    calls = scene.calls()
    for _ in range(3):
        ask(calls)
    assert [entry["target"] for entry in simulator.journal()] == [path] * 3
    with pytest.raises(AuditHalted, match="the circuit breaker is open"):
        ask(calls)
    states = {name: one.state for name, one in dependencies.current().breaker.get_status().endpoints.items()}
    assert (states[endpoint], len(simulator.journal())) == (State.OPEN, 3)


def test_a_question_that_is_not_answered_is_asked_again(scene: Scene, simulator: Any) -> None:
    """Twice in a row is a hiccup; a 429 is waited out."""
    row = scene.lost()
    one = {"method": "GET", "path": f"/v2/bookings/{row.calcom_booking_uid}"}
    simulator.faults("status", name="internal", count=2, match=one)
    simulator.faults("status", name="throttled", headers={}, retry_after=1, count=1, match=one)
    seen = survey(scene.calls(threading.Event().wait), scene.first, scene.last)
    assert [found.row and found.row.id for found in seen.findings] == [row.id]


def test_a_429_is_waited_out_and_the_list_read_to_its_end(scene: Scene, simulator: Any) -> None:
    """It asks again for the page that it was refused."""
    scene.confirmed()
    simulator.faults("status", name="throttled", headers={}, retry_after=1, count=1, match=LIST)
    seen = survey(scene.calls(threading.Event().wait), scene.first, scene.last)
    assert (seen.clean, seen.listed) == (True, 1)


def test_a_page_that_fails_is_asked_for_again(scene: Scene, simulator: Any) -> None:
    """Twice in a row is a hiccup."""
    scene.confirmed()
    simulator.faults("status", name="internal", count=2, match=LIST)
    assert scene.audit().clean


def test_of_half_a_list_nothing_is_judged(settings: Callable[..., dict[str, str]], scene: Scene) -> None:
    """What is absent in it may stand on the page that could not be read."""
    settings()
    scene.confirmed()
    for kind in ("cut_json", "empty", "html"):
        scene.simulator.faults(kind, match=LIST)
        with pytest.raises(AuditHalted, match="could not be read"):
            scene.audit()
        scene.simulator.no_faults()


def test_its_failures_count_like_any_other(scene: Scene, simulator: Any) -> None:
    """Three of the list open its breaker: the third is the last call."""
    simulator.faults("status", name="internal", match=LIST)
    with pytest.raises(AuditHalted, match="the circuit breaker is open"):
        scene.audit()
    assert len(simulator.journal()) == 3
