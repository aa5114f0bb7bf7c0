"""`booking check`: each thing that can be wrong is said in one line, with what to do."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
import redis
import requests
from sqlalchemy import text

from db.lifecycle import Status
from db.monitoring import heartbeats
from db.monitoring.heartbeats import HEALTH_CHECK
from tasks import dependencies
from tasks.calcom.client import CalcomClient
from worker.cli.check import clocks, health

Booking = Callable[..., Any]
Settings = Callable[..., dict[str, str]]


def confirmed(record: Any, *event_types: int) -> None:
    """Confirm a booking of each event type."""
    for number in event_types:
        record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1", event_type_id=number)


@pytest.fixture
def wrong(settings: Settings, call: Booking) -> Callable[..., str]:
    """Check with some settings changed; returns the one line that is wrong."""

    def look(*options: str, **changes: str) -> str:
        settings(**changes)
        ran = call("check", *options)
        assert ran.code == 1
        [line] = [line for line in ran.out.splitlines() if line.startswith("WRONG")]
        return line.removeprefix("WRONG").strip()

    return look


def test_all_is_well(booking: Booking) -> None:
    """Every part is named, nothing is wrong, and the exit code says so."""
    ran = booking("check", "--json")
    assert (ran.code, ran.json["ok"]) == (0, True)
    names = [finding["about"] for finding in ran.json["findings"]]
    assert names == [
        "settings",
        "Postgres",
        "migrations",
        "broker",
        "Redis",
        "clocks",
        "API keys",
        "Cal.com",
        "Cal.com",
    ]


def test_a_setting_out_of_range(wrong: Callable[..., str]) -> None:
    """With its name."""
    assert wrong(CIRCUIT_BREAKER_THRESHOLD="0").startswith("settings    CIRCUIT_BREAKER_THRESHOLD:")


def test_a_slip_of_the_pen(wrong: Callable[..., str]) -> None:
    """A misspelt name would be passed over in silence."""
    assert "CALCOM_API_KEE: is no setting; did you mean CALCOM_API_KEY?" in wrong(CALCOM_API_KEE="x")


def test_no_postgres(wrong: Callable[..., str]) -> None:
    """Where it was sought, and never the password."""
    line = wrong(DATABASE_URL="postgresql://booking:top-secret@127.0.0.1:1/booking")
    assert line.startswith("Postgres    Postgres does not answer; is it running, and is DATABASE_URL right?")
    assert "top-secret" not in line


def test_sessions_without_time_outs(settings: Settings, booking: Booking, database_url: str) -> None:
    """A pooler that drops what our connections ask for lets a frozen process keep a booking locked for ever."""
    settings(DATABASE_URL=f"{database_url}?options=-c%20lock_timeout%3D0")
    assert re.search(r"WARN   sessions    ours have no lock_timeout: .*docs/deploying\.md", booking("check").out)


def test_a_database_without_the_migrations(wrong: Callable[..., str], empty_database_url: str) -> None:
    """And the command that helps."""
    assert wrong(DATABASE_URL=empty_database_url).endswith("run `booking migrate`")


def test_a_database_that_is_newer_than_this_code(wrong: Callable[..., str], database_url: str) -> None:
    """Migrating would not help: the newer code is missing."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE booking_schema_version SET version_num = '9999_future'")
    assert "is at 9999_future, newer than this code" in wrong()


def test_no_broker(wrong: Callable[..., str]) -> None:
    """With the setting that names it."""
    line = wrong(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    assert line.startswith("broker      does not answer (connection refused)")
    assert "is CELERY_BROKER_URL right?" in line


@pytest.fixture
def forgetful(redis_url: str) -> Iterator[None]:
    """Let Redis drop keys under pressure."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        yield
        client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.usefixtures("forgetful")
def test_a_redis_that_forgets(wrong: Callable[..., str]) -> None:
    """It would drop messages in silence."""
    assert wrong().startswith("Redis       may drop messages (maxmemory-policy allkeys-lru)")


@pytest.fixture
def user(redis_url: str) -> Iterator[Callable[..., str]]:
    """Make users of Redis with these rules; returns each one's URL."""
    with redis.Redis.from_url(redis_url) as admin:

        def make(*rules: str) -> str:
            admin.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret-of-app", "~*", "&*", *rules)
            return f"redis://app:secret-of-app@{redis_url.rpartition('@')[2]}"

        yield make
        admin.execute_command("ACL", "DELUSER", "app")


def test_a_redis_user_without_dangerous_commands_is_enough(settings: Settings, call: Booking, user: Any) -> None:
    """The usual hardening, and what hosted ones offer."""
    settings(REDIS_URL=user("+@all", "-@dangerous"))
    ran = call("check")
    assert (ran.code, "Redis       answers; its maxmemory-policy cannot be read" in ran.out) == (0, True)


@pytest.mark.parametrize("rule", ["-evalsha", "-@scripting", "-hset", "-xadd"])
def test_a_redis_user_that_may_not_share_a_breaker_is_wrong(wrong: Callable[..., str], user: Any, rule: str) -> None:
    """Each process would keep a breaker of its own for ever; the line says what to allow."""
    line = wrong(REDIS_URL=user("+@all", "-@dangerous", rule))
    assert line.startswith("Redis       its user may not do what the circuit breaker needs (")
    assert "ACL SETUSER name ~* &* +@all -@dangerous" in line
    assert "secret" not in line


def test_the_check_of_the_breaker_leaves_nothing_in_redis(booking: Booking, redis_url: str) -> None:
    """Its breaker is thrown away, and nobody else's is touched."""
    with redis.Redis.from_url(redis_url) as client:
        assert booking("check").code == 0
        names = {key.decode() for key in client.scan_iter()}
    assert {name for name in names if "check" in name} == set()


@pytest.mark.parametrize(("wrong_by", "way"), [(15.0, "ahead of"), (-600.0, "behind")])
def test_a_clock_that_is_wrong_is_named_and_by_how_much(
    booking: Booking, monkeypatch: pytest.MonkeyPatch, wrong_by: float, way: str
) -> None:
    """A warning: nothing that is booked depends on it."""
    monkeypatch.setattr(clocks.compare, "__kwdefaults__", {"wall": lambda: time.time() + wrong_by})
    ran = booking("check", "--json")
    [told] = [one for one in ran.json["findings"] if one["about"] == "clocks"]
    far = re.match(rf"this host is ([\d.]+) s {way} Postgres: let NTP keep the clocks of all hosts", told["said"])
    assert far
    assert float(far[1]) == pytest.approx(abs(wrong_by), abs=2)
    assert (ran.code, told["ok"], told["warning"]) == (0, True, True)
    assert "WARN   clocks      this host is " in booking("check").out


def test_a_redis_whose_clock_is_wrong_is_named(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """The breaker and the rate limit live by it."""
    monkeypatch.setattr(redis.Redis, "time", lambda _: (round(time.time()) + 30, 0))
    assert re.search(r"WARN   clocks      Redis is [23]\d\.\d s ahead of Postgres: let NTP", booking("check").out)


def test_clocks_that_agree_are_said_with_the_last_tick_of_beat(booking: Booking, record: Any) -> None:
    """Postgres's is the one that bookings live by; a beat that ticks no more is a warning."""
    assert "ok     clocks      this host and Redis within " in booking("check").out
    with record.engine.begin() as conn:
        heartbeats.tick(conn, HEALTH_CHECK, every=60)
    assert re.search(r" of Postgres; beat ticked \d+(\.\d)? s ago", booking("check").out)
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET ticked_at = now() - interval '5 minutes'"))
    assert "WARN   clocks      this host and Redis within " in (out := booking("check").out)
    assert "beat ticked 5 min ago" in out


def test_a_health_check_of_beat_asks_for_its_tick_alone(settings: Settings, call: Booking, record: Any) -> None:
    """Silent from the first on, or since a while, it is unhealthy; what Postgres cannot tell is no reason to end it."""
    settings(CALCOM_API_KEY="")
    assert call("check", "--tick").code == 1
    with record.engine.begin() as conn:
        heartbeats.tick(conn, HEALTH_CHECK, every=5)
    assert (call("check", "--tick").code, call("check").code) == (0, 1)
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET ticked_at = now() - interval '16 seconds'"))
    ran = call("check", "--tick", "--json")
    assert (ran.code, [finding["about"] for finding in ran.json["findings"]]) == (1, ["beat"])
    settings(DATABASE_URL="postgresql://booking:none@127.0.0.1:1/booking")
    ran = call("check", "--tick")
    assert (ran.code, ran.out.split()[0]) == (0, "WARN")


def test_no_key(wrong: Callable[..., str]) -> None:
    """And where one is made."""
    assert wrong(CALCOM_API_KEY="").startswith("Cal.com     CALCOM_API_KEY: not given; make one at Cal.com")


@pytest.mark.parametrize("key", ["cal_test_expired", "cal_nobody_knows", "no-key-at-all"])
def test_a_key_that_cal_com_refuses(wrong: Callable[..., str], key: str) -> None:
    """Expired, deleted or mistyped; the key itself is not repeated."""
    line = wrong(CALCOM_API_KEY=key)
    assert line.startswith("Cal.com     CALCOM_API_KEY: Cal.com refuses it")
    assert key not in line


def test_it_says_of_each_event_type_what_it_is_and_that_the_key_sees_it(booking: Booking, record: Any) -> None:
    """Of each that has a confirmed booking: only of these is anything expected."""
    confirmed(record, 101, 103, 104, 104)
    ran = booking("check")
    assert (ran.code, "WRONG" in ran.out) == (0, False)
    assert "the key sees every booking of event type 101 (plain), 103 (seats)\n" in ran.out
    assert "unclear answers of event type 104 (round robin) are settled by a second POST" in ran.out


@pytest.mark.variants(first=2)
@pytest.mark.parametrize(
    ("key", "event_type", "said"),
    [
        ("cal_test_host4", 104, "unclear answers of event type 104 (round robin) are settled by a second POST"),
        ("cal_test_teamadmin", 101, "type 101 (plain, perhaps confirmed: not told) are settled by a second POST"),
        ("cal_test_host57", 149, "unclear answers of event type 149 (round robin) are settled by a second POST"),
        ("cal_test_host9", 106, "unclear answers of event type 106 (collective) are settled by its free slots"),
        ("cal_test_teamadmin", 106, "unclear answers of event type 106 (collective) are settled by its free slots"),
        ("cal_test_host68", 167, "type 167 (collective, free addresses confirmed) are settled by a second POST"),
        ("cal_test_host30", 130, "unclear answers of event type 130 (other) are held(blind_key), with every key"),
        (
            "cal_test_host69",
            168,
            "type 168 (round robin, free addresses confirmed) are held(blind_key), with every key",
        ),
    ],
    ids=[
        "one of two hosts",
        "a team's admin, a personal type",
        "a fixed host",
        "a host of a collective",
        "a team's admin",
        "free addresses",
        "what no key settles",
        "what no key settles, for free addresses",
    ],
)
def test_a_key_is_enough_where_something_else_settles_an_unclear_answer(
    settings: Settings, call: Booking, record: Any, key: str, event_type: int, said: str
) -> None:
    """By what Cal.com itself checks before it books; and where no other key does better."""
    confirmed(record, event_type)
    settings(CALCOM_API_KEY=key)
    ran = call("check")
    assert (ran.code, said in ran.out) == (0, True)


@pytest.mark.parametrize(
    ("key", "event_type", "said"),
    [
        ("cal_test_teamowner", 129, "129 (other)"),
        ("cal_test_teamowner", 103, "103 (seats, perhaps confirmed: not told)"),
        ("cal_test_stranger", 101, "101 (a kind that Cal.com does not show to it)"),
    ],
    ids=["somebody's own type", "a column that is not told", "a type that the key may not read"],
)
def test_a_key_with_which_unclear_answers_would_be_held_is_wrong(
    wrong: Callable[..., str], record: Any, key: str, event_type: int, said: str
) -> None:
    """And the line says which key helps."""
    confirmed(record, event_type)
    line = wrong(CALCOM_API_KEY=key)
    assert f"its user is not shown enough of event type {said}" in line
    assert "held(blind_key); use the key of the type's owner, or of a member of its team" in line


def test_an_event_type_that_was_deleted_is_no_fault_of_the_key(booking: Booking, record: Any, simulator: Any) -> None:
    """Every type that ever had a booking would else be wrong for good."""
    confirmed(record, 104)
    assert requests.delete(f"{simulator.control}/_event_types?id=104", timeout=10).ok
    for _ in range(2):
        ran = booking("check")
        assert (ran.code, "event type 104 no longer exists at Cal.com" in ran.out) == (0, True)


def test_the_check_leaves_cal_com_alone_while_the_breaker_is_open(booking: Booking, simulator: Any) -> None:
    """It asks as bookings do, and says why it did not."""
    dependencies.current().breaker.operators.force_open("operator", "a test")
    before = len(simulator.journal())
    ran = booking("check")
    assert (ran.code, len(simulator.journal())) == (1, before)
    assert "not asked: the circuit breaker is open" in ran.out


def test_the_check_waits_for_no_limit_that_bookings_need(
    settings: Settings, call: Booking, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it could not ask it names."""
    confirmed(record, 101, 103)
    monkeypatch.setattr("worker.settings.model.LEAST_RATE", 1)  # the next call's turn comes in a minute
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="1")
    ran = call("check")
    assert ran.code == 0
    assert "what event type 101, 103 is could not be asked now (Cal.com's limit of calls is used up for now" in ran.out


def test_a_wrong_address(wrong: Callable[..., str], simulator: Any) -> None:
    """Something answers there, and it is not Cal.com's API."""
    line = wrong(CALCOM_BASE_URL=f"{simulator.url}/api")
    assert line.startswith("Cal.com     CALCOM_BASE_URL:")
    assert "404, which is not Cal.com's API" in line


def test_a_web_page_at_the_address(wrong: Callable[..., str], simulator: Any) -> None:
    """The address of Cal.com's site instead of its API's, or a proxy's login page."""
    simulator.faults("html", status=200)
    assert "answers with a web page; for Cal.com it is https://api.cal.com" in wrong()


def test_nobody_at_the_address(wrong: Callable[..., str]) -> None:
    """Neither a server nor, perhaps, a name."""
    assert "no connection to 127.0.0.1:1: nothing answers there" in wrong(CALCOM_BASE_URL="http://127.0.0.1:1")
    assert "no connection to calcom.invalid: its name is not known" in wrong(CALCOM_BASE_URL="http://calcom.invalid")


def test_an_api_of_another_shape(wrong: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So Cal.com answers where a proxy takes the version's header away: as its oldest one, without a word."""
    monkeypatch.setattr("worker.wiring.CalcomClient", partial(CalcomClient, api_version="2020-01-01"))
    assert "answers in another shape than Cal.com's API v2; check the address" in wrong()


def test_a_cal_com_in_trouble(wrong: Callable[..., str], simulator: Any) -> None:
    """It is not our settings that are wrong."""
    simulator.faults("status", name="unavailable")
    assert "answers 503: it is in trouble, and bookings wait for it" in wrong()


def test_a_worker_that_does_not_answer_is_not_well(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as Celery names it; tests/deploying asks one that runs, as compose does."""
    monkeypatch.setattr(health, "WORKER_SECONDS", 0.2)

    ran = booking("check", "--worker", "--json")

    [finding] = ran.json["findings"]
    assert (ran.code, finding["ok"]) == (1, False)
    assert finding["about"] == f"celery@{socket.gethostname()}"
    assert finding["said"].startswith("does not answer")


def test_a_broker_that_is_gone_is_said_of_the_worker(wrong: Callable[..., str]) -> None:
    """Which of the two is silent."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert wrong("--worker", REDIS_URL=f"redis://127.0.0.1:{port}/0").endswith(
        "cannot be asked: the broker does not answer"
    )
