"""Each of the eighteen sentences, of a deployment that is really in that state: as read, and as `booking status` says.

Bookings are made in this process, attempt by attempt; servers are killed, Cal.com is the simulator and misbehaves.
"""

import getpass
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.monitoring import failure_metrics
from tasks import dependencies
from tasks.incidents import check
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.maintenance.failure_metrics import aggregate_failure_metrics
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.sweeper import expire_held, rescue_stranded
from tasks.overview.ranking.row import Level
from tasks.overview.reading import Overview, read_overview
from tasks.overview.sentences import render
from tasks.overview.verdict import Verdict, verdict
from tasks.work.claim import claim
from tests.integration.cli.conftest import Booking
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.stepping import accept, carry, is_blind, let_pass, lose, write
from worker.cli.status import workers
from worker.settings import model
from worker.wiring import build_from

Settings = Callable[..., dict[str, str]]
OPENS = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "600"}
SHORT = {**OPENS, "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "0.1"}
ME = re.escape(getpass.getuser())
CLOCK = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"
BEAT_IS_DEAD = 4
WHEN_BACK = "all goes on by itself when it is back."


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for workers, of which there are none."""
    monkeypatch.setattr(workers, "PING", 0.05)


def look() -> tuple[Overview, Verdict]:
    """Read how everything stands, as the page does, while beat runs."""
    check.check()
    record_transitions()
    seen = read_overview(dependencies.current())
    return seen, verdict(seen)


def said_mostly() -> bool:
    """Say whether the type of most failures is written down."""
    record = look()[0].record
    return record is not None and record.mostly is not None


def says(call: Booking, number: int, sentence: str, nothing: str = "", *, level: Level = Level.CRITICAL) -> None:
    """Have the sentence of this row said by a reading, and by `booking status` with its exit code."""
    if number > BEAT_IS_DEAD:
        check.check()  # else that is said, once it is 15 s since the first booking
    seen = read_overview(dependencies.current())
    found = verdict(seen)
    said = render(found.sentence, seen.read_at)
    assert (found.row, found.level) == (number, level), said
    assert re.fullmatch(sentence, said), said
    assert render(found.if_nobody_acts, seen.read_at) == nothing
    ran = call("status")
    assert re.search(sentence.removeprefix("All is well: "), ran.said), ran.said
    assert ran.code == 1  # at least for want of a worker
    assert (f"If you do nothing: {nothing}" in ran.said) is bool(nothing)


def fail(times: int = 5) -> list[int]:
    """Have bookings meet a Cal.com that answers 503."""
    return [carry(one).id for one in accept(*(request(number) for number in range(times)))]


def hold(*numbers: int) -> list[int]:
    """Ask for bookings, and let each be tried once."""
    return [carry(one).id for one in accept(*map(request, numbers))]


def soon(number: int) -> Any:
    """Ask for a slot within the next two hours."""
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=60 + number)
    return request(number, start=start)


def test_1_postgres_is_gone(settings: Settings, call: Booking, postgres: Any) -> None:
    """Killed: it is said at once."""
    settings()
    postgres.kill()
    refused = "Postgres does not answer: new requests are refused; accepted ones are kept."
    says(call, 1, refused, WHEN_BACK)


def test_1_the_tables_are_missing(settings: Settings, call: Booking, empty_database_url: str) -> None:
    """Postgres answers, and no booking can be kept."""
    settings(DATABASE_URL=empty_database_url)
    says(
        call,
        1,
        "The database lacks our tables, or some of their columns: nothing is known.",
        "nothing is kept: run `booking migrate`.",
    )


def test_2_redis_is_gone(settings: Settings, call: Booking, valkey: Any) -> None:
    """It is the broker, too."""
    settings()
    valkey.kill()
    says(call, 2, "Redis does not answer: bookings are kept and wait.", WHEN_BACK)


def test_2_redis_is_gone_beside_another_broker(settings: Settings, call: Booking) -> None:
    """Bookings go on, without what is shared."""
    environment = settings()
    settings(REDIS_URL="redis://127.0.0.1:1/0", CELERY_BROKER_URL=environment["REDIS_URL"])
    says(
        call,
        2,
        "Redis does not answer: bookings go at the limit's pace, each process by a breaker of its own.",
        WHEN_BACK,
    )


def test_2_the_broker_is_gone(settings: Settings, call: Booking) -> None:
    """The breaker is there, and no message goes."""
    settings(CELERY_BROKER_URL="amqp://127.0.0.1:1//")
    says(call, 2, "The broker does not answer: bookings are kept and wait.", WHEN_BACK)


def test_3_nothing_moves(settings: Settings, call: Booking) -> None:
    """No worker takes what was asked for."""
    settings()
    accept(request(1), request(2))
    let_pass(40)
    moves = r"Nothing moves: 2 wait, the oldest \d+ s, no worker works on any\."
    says(call, 3, moves, "they keep waiting: start a worker.")


def test_3_too_few_workers(settings: Settings, call: Booking) -> None:
    """All of them are at a call."""
    settings()
    accept(request(1))
    let_pass(40)
    claim(dependencies.current(), accept(request(2))[0])
    waits = r"Too few workers: 1 waits, the oldest \d+ s, 1 call is under way\."
    says(call, 3, waits, "they go, but late: start another worker.")


def test_4_beat_is_dead(settings: Settings, call: Booking) -> None:
    """It has ticked, and does so no more."""
    settings()
    check.check()
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET ticked_at = ticked_at - interval '20 s'"))
    says(
        call,
        4,
        f"No health check since {CLOCK}: alerts wait, and only other workers release holds.",
        "this stays so: start `celery -A worker beat` and the worker of `maintenance`.",
    )


def test_5_our_key_is_refused(settings: Settings, call: Booking, simulator: Any) -> None:
    """What was tried, and what came after it, is held."""
    settings()
    simulator.faults("status", name="invalid_key")
    hold(1, 2)
    says(
        call,
        5,
        f"Cal.com refuses our key since {CLOCK}: 2 held.",
        "Cal.com is asked each minute, and all go by themselves when it takes the key; else they need a new key.",
    )


def test_6_something_else_than_calcom_answers_the_fleet(settings: Settings, call: Booking, simulator: Any) -> None:
    """A harmless call has found out that it is so for all."""
    settings()
    simulator.faults("html", status=403)
    hold(1)
    ask_again()
    says(
        call,
        6,
        f"What answers is not Cal.com's API since {CLOCK}: 1 held.",
        "the URL is asked each minute, and all go by themselves when Cal.com answers; else they need other settings.",
    )


def test_7_an_operator_holds_all_back(settings: Settings, call: Booking) -> None:
    """For an hour, and says why."""
    settings()
    call("breaker", "open", "--for", 3600, "--why", "Cal.com asked us to")
    accept(request(1))
    said = rf'An operator holds all back until {CLOCK} \({ME}: "Cal.com asked us to"\): 1 held\.'
    says(call, 7, said, "it goes by itself then.", level=Level.WARNING)


def test_8_calcom_is_down(settings: Settings, call: Booking, simulator: Any) -> None:
    """Five calls in a row have failed; somebody's slot is in an hour."""
    settings(**OPENS)
    simulator.faults("status", name="unavailable")
    fail()
    accept(request(10), soon(1), soon(2))
    record_transitions()
    seen, found = look()
    held = seen.record and sum(one.count for one in seen.record.holds)
    said = rf"Cal.com is down since {CLOCK}: {held} held, 2 at risk \(first at {CLOCK}\), next probe in \d+ \S+\."
    assert re.fullmatch(said, render(found.sentence, seen.read_at))
    assert (found.row, found.level) == (8, Level.CRITICAL)
    ran = call("status")
    assert ran.code == 1
    assert re.search(rf"\[CAL\.COM, critical\] {said}", ran.out)
    assert re.search(
        rf"If you do nothing: all go by themselves, in order; 2 expire from {CLOCK}: call those\.", ran.out
    )


def test_9_calcom_is_being_tried(settings: Settings, call: Booking, simulator: Any) -> None:
    """Its time of rest is over, and what is held goes next."""
    settings(**SHORT)
    simulator.faults("status", name="unavailable")
    fail()
    accept(request(10))
    record_transitions()
    eventually(lambda: look()[1].name == "half_open", what="OPEN is over")
    said = rf"Cal.com is being tried, down since {CLOCK}: \d held\."
    nothing = render(look()[1].if_nobody_acts, datetime.now(UTC))
    says(call, 9, said, nothing, level=Level.WARNING)
    assert "by itself" in nothing or "by themselves" in nothing


def test_10_calcom_cannot_be_reached(settings: Settings, call: Booking) -> None:
    """Nobody listens there."""
    settings(CALCOM_BASE_URL="http://127.0.0.1:1", RETRY_MAX_ATTEMPTS="0")
    [one] = hold(1)
    assert row(one).hold_reason is HoldReason.UNREACHABLE
    write(one, hold_until=datetime.now(UTC) + timedelta(minutes=1))  # in its last second that is "a moment"
    said = r"Cal.com cannot be reached: 1 held, tried again in \d+ s\."
    says(call, 10, said, "it goes by itself.", level=Level.WARNING)


@pytest.mark.long
def test_11_calcom_is_back_and_what_was_held_goes(fleet: Callable[..., Fleet], call: Booking, simulator: Any) -> None:
    """A whole outage of a whole fleet, from its first failure until all is well."""
    fleet(**{**OPENS, "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2"}).start(concurrency=1)
    simulator.faults("status", name="unavailable", match={"method": "POST"})
    wanted = accept(*map(request, range(30)))
    eventually(lambda: look()[1].name in {"open", "half_open"}, what="Cal.com is down")
    simulator.no_faults()
    simulator.faults("latency", delay=2)  # until it was looked at, one after the other
    found = eventually(lambda: (seen := look()[1]).row == 11 and seen, what="what was held goes")
    eventually(
        lambda: "(down" in render(look()[1].sentence, datetime.now(UTC)), what="the end of the outage is recorded"
    )
    found = look()[1]
    said = rf"Cal.com is back since {CLOCK} \(down \d+ (s|min)\): \d+ still held(, \d+ a (second|minute))?\."
    assert re.search(rf"\[CAL\.COM\] {said}", call("status").out)
    assert re.fullmatch(said, render(found.sentence, datetime.now(UTC)))
    simulator.no_faults()
    finals(wanted)
    eventually(lambda: look()[1].row == 18, what="all is well")
    assert re.search(r": (30 booked in 24 h, )?0 held, last call \d+ s ago in \d\.\d s\.", call("status").out)


def test_12_calcom_is_failing(settings: Settings, call: Booking, simulator: Any) -> None:
    """Three calls in the last minute, and the breaker is still closed."""
    settings(CIRCUIT_BREAKER_THRESHOLD="5")
    dependencies.fill(lambda: build_from(model.Settings.load(), count_window=1.0))
    detector = dependencies.current().detector
    detector.settings = replace(detector.settings, minimum_calls=1000)
    numbers = count(10)

    def counts() -> bool:
        """Book one more, until a window of calls is written down, which the first is not, for it has begun before."""
        hold(next(numbers))
        aggregate_failure_metrics()
        with dependencies.current().engine.connect() as conn:
            return failure_metrics.written_until(conn, "calcom") is not None

    eventually(counts, what="calls are counted")
    simulator.faults("status", name="unavailable", count=3)
    fail(4)
    eventually(lambda: aggregate_failure_metrics() and said_mostly(), what="the window is written")
    said = r"Cal.com is failing: 3 of \d+ calls in 5 min, mostly http_503\."
    nothing = "failed calls are repeated, and the breaker opens by itself if it gets worse."
    says(call, 12, said, nothing, level=Level.WARNING)


def test_13_the_limit_is_reached(settings: Settings, call: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """One a minute, and three have come at once."""
    monkeypatch.setattr("worker.settings.model.LEAST_RATE", 1)  # the next one's turn comes in a minute
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="1")
    hold(1, 2, 3)
    said = r"The limit is reached: 2 wait, at most 1 a minute go\."
    says(call, 13, said, "all go by themselves, in order.", level=Level.WARNING)


def test_14_a_key_that_cannot_see_waits_for_you(settings: Settings, call: Booking, simulator: Any) -> None:
    """Whether it is booked nobody can tell."""
    simulator.settings(keys={"cal_test_blind": "nothing"})
    settings(CALCOM_API_KEY="cal_test_blind")
    [one] = accept(request(1, 101))
    lose(one)
    eventually(lambda: is_blind(carry(one)), what="it cannot be told")
    says(
        call,
        14,
        r"1 waits for you: our key cannot see type 101\.",
        "nothing is posted, and each ends with its slot.",
    )


def test_14_a_booking_that_kills_its_workers_waits_for_you(settings: Settings, call: Booking) -> None:
    """Three of them in a row."""
    settings()
    [one] = accept(request(1))
    for _ in range(3):
        claim(dependencies.current(), one)
        let_pass(60)
        rescue_stranded()
    assert row(one).hold_reason is HoldReason.SUSPECT
    says(
        call,
        14,
        r"1 waits for you: three workers were lost\.",
        "nothing is posted, and each ends with its slot.",
    )


def test_15_an_operator_turned_the_breaker_off(settings: Settings, call: Booking) -> None:
    """Until told otherwise."""
    settings()
    call("breaker", "off", "--why", "false alarm")
    accept(request(1))
    said = rf'An operator turned the breaker off until told otherwise \({ME}: "false alarm"\)\.'
    says(call, 15, said, "every call goes, whatever fails; retries may be used up.", level=Level.WARNING)


def test_16_bookings_have_failed_and_expired(settings: Settings, call: Booking, simulator: Any) -> None:
    """One has used up its retries, the other's time came too near."""
    settings(RETRY_MAX_ATTEMPTS="0", HOLD_LEAD="7200")
    simulator.faults("status", name="database", match={"method": "POST"})
    [one] = accept(request(1))
    eventually(lambda: carry(one, after=200).status is Status.FAILED, what="it failed for good")
    accept(soon(1))
    expire_held()
    says(
        call,
        16,
        r"1 booking failed for good and 1 expired in the last 15 min\.",
        "they stay as they are: call the customers, or Retry what failed.",
    )


def test_17_calcom_was_not_called(settings: Settings, call: Booking) -> None:
    """Nobody waits, so nobody has tried it."""
    settings(**SHORT, CALCOM_BASE_URL="http://127.0.0.1:1")
    call("cancel", *fail())
    eventually(lambda: look()[1].row == 17, what="OPEN is over")
    said = rf"Cal.com was not called since {CLOCK}; the next booking tries it\."
    says(call, 17, said, "nothing is held up.", level=Level.CALM)


def test_18_all_is_well(settings: Settings, call: Booking) -> None:
    """First nothing was ever booked, then one is."""
    settings()
    says(call, 18, r"Ready: no booking yet\.", level=Level.CALM)
    hold(1)
    says(call, 18, r"All is well: (1 booked in 24 h, )?0 held, last call \d+ s ago in \d\.\d s\.", level=Level.CALM)


def test_what_is_not_calm_is_exit_code_1_though_nothing_looks_wrong(
    fleet: Callable[..., Fleet], call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order is no fault, and yet no state to forget."""
    monkeypatch.setattr(workers, "PING", 1.0)  # a loaded machine's worker answers, too
    fleet().worker()
    eventually(lambda: call("status").code == 0, what="all is well")
    call("breaker", "open")
    ran = eventually(
        lambda: (seen := call("status", "--json")).json["problems"] == [] and seen, what="its worker answers"
    )
    assert (ran.code, ran.json["ok"], ran.json["problems"]) == (1, False, [])
    assert (ran.json["verdict"]["row"], ran.json["verdict"]["level"]) == (7, "warning")


def test_the_first_of_several_answers_and_the_others_follow(settings: Settings, call: Booking, simulator: Any) -> None:
    """A refused key, an order, something that failed: by rank, until the first is over."""
    settings(RETRY_MAX_ATTEMPTS="0")
    simulator.faults("status", name="invalid_key", count=1)
    hold(1)
    call("breaker", "off", "--why", "a try")
    simulator.faults("html", status=403, match={"method": "POST"}, count=1)
    ran = call("status").out.splitlines()
    assert ran[0].startswith("[OURS, critical] Cal.com refuses our key since ")
    also = f'Also: An operator turned the breaker off until told otherwise ({getpass.getuser()}: "a try").'
    assert ran[2:4] == [also, ""]
    call("breaker", "reset")
    hold(2)
    call("breaker", "off", "--why", "a try")
    ran = call("status").out.splitlines()
    assert ran[0] == "[YOURS, critical] 1 waits for you: another server than Cal.com answered."
    assert ran[2] == also
