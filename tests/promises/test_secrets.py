"""Secrets stay where they belong: never in argv, in a repr, in a log, in a traceback or on a screen."""

import json
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from kombu import Connection
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from resilience.shared_state.client import make_redis
from tasks import dependencies
from tasks.work.publish import TASK
from tests.support.fleet import Fleet, eventually, finals, request
from worker import app, enqueue_bookings
from worker.celery_app import BOOKINGS
from worker.cli.check import check
from worker.local import embedded
from worker.settings.model import Settings, SettingsError
from worker.wiring import build

KEY = "cal_test_owner"
TOKEN = "T0kenOfTheHook"
ALERTS = f"json://127.0.0.1:1/{TOKEN}"
WRONG = ("s3cretOfPostgres", "s3cretOfRedis", "s3cretOfRabbit", "cal_s3cretOfCalcom", "s3cretOfAlerts")


def command_lines() -> str:
    """Return what every user of this machine may read."""
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return "\n".join(lines)


def leaks(text: str, secrets: tuple[str, ...]) -> list[str]:
    """Return the places at which a secret stands."""
    return [text[max(at - 80, 0) : at + 20] for secret in secrets if (at := text.find(secret)) >= 0]


@pytest.fixture
def secrets(session_postgres: embedded.Postgres, session_valkey: embedded.Valkey) -> tuple[str, ...]:
    """Name what nobody may see of a fleet."""
    return (KEY, TOKEN, session_postgres.password, session_valkey.password)


def crash(running: Fleet, redis_url: str) -> None:
    """Make the workers raise, with a secret in what they were sent, and lose their servers."""
    with Connection(redis_url) as connection:
        app.send_task(TASK, args=["one", KEY], queue=BOOKINGS, connection=connection)  # too many arguments
        app.send_task("no.such.task", args=[KEY], queue=BOOKINGS, connection=connection)  # Celery logs its body
    eventually(lambda: "Traceback" in running.logs() and "no.such.task" in running.logs(), what="a crash in the log")


@pytest.mark.long
def test_a_fleet_in_trouble_tells_no_secret(
    fleet: Callable[..., Fleet],
    simulator: Any,
    valkey: embedded.Valkey,
    postgres: embedded.Postgres,
    redis_url: str,
    secrets: tuple[str, ...],
) -> None:
    """Bookings, refusals that quote the key, crashes, a dead Redis and a dead Postgres: logs and command lines."""
    simulator.faults("status", status=400, shape="A", message=f"bad key {KEY}", share=0.3, match={"method": "POST"})
    running = fleet(ALERT_URLS=ALERTS)
    running.zygote = None  # command lines are what this is about
    running.start()

    finals([receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(12)])])
    crash(running, redis_url)
    valkey.kill()
    postgres.kill()
    eventually(lambda: "Cannot connect to" in running.logs(), what="the loss of Redis in the log")
    public = command_lines()
    valkey.recover()
    postgres.recover()
    finals([receipt.appointment_id for receipt in enqueue_bookings([request(99)])])

    assert public.count("celery -A worker") >= 3
    assert leaks(public, secrets) == []
    assert leaks(running.logs(), secrets) == []


@pytest.mark.long
def test_up_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the servers that it makes up passwords for, nor their workers, nor its screen; its files are private.

    Its screen alone has the link with the page's token, by which its reader may act.
    """
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ALERT_URLS", ALERTS)
    screen, home = tmp_path / "screen.txt", tmp_path / ".booking"
    argv = [sys.executable, "-m", "worker.cli", "up", "--simulator"]
    with screen.open("wb") as out, subprocess.Popen(argv, cwd=tmp_path, stdout=out, stderr=out) as up:
        try:
            eventually(lambda: "To book one" in screen.read_text() or up.poll() is not None)
            public, kept = command_lines(), json.loads((home / "servers.json").read_text())
            link, link_mode = (home / "page-link").read_text(), (home / "page-link").stat().st_mode
            assert requests.get(link, timeout=30).ok
        finally:
            up.send_signal(signal.SIGTERM)
    logs = {path.name: path.read_text(errors="replace") for path in home.rglob("*.log")}
    secrets = (KEY, TOKEN, *(about["password"] for about in kept.values()))

    assert (len(secrets), public.count("celery -A worker") >= 4, len(logs) >= 6) == (4, True, True)
    token = link.partition("?token=")[2]
    assert {name: found for name, log in logs.items() if (found := leaks(log, (*secrets, token)))} == {}
    assert leaks(public + screen.read_text().replace(link, ""), (*secrets, token)) == []
    private = [home, home / "servers.json", home / "simulator.json", home / "logs"]
    assert [path.name for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert (len(token), stat.S_IMODE(link_mode)) == (22, 0o600)


# -- in this process ---------------------------------------------------------------------------------------------------


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Point every setting at a port where nobody is, with a secret in each."""
    postgres, redis, rabbit, calcom, alerts = WRONG
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://booking:{postgres}@127.0.0.1:1/x?sslpassword={postgres}")
    monkeypatch.setenv("REDIS_URL", f"redis://ann:{redis}@127.0.0.1:1/0")
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis://:{rabbit}@127.0.0.1:1/0")
    monkeypatch.setenv("CALCOM_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CALCOM_API_KEY", calcom)
    monkeypatch.setenv("ALERT_URLS", f"json://127.0.0.1:1/{alerts}")
    dependencies.fill(build)
    yield
    dependencies.fill(build)


@pytest.mark.usefixtures("nowhere")
def test_no_object_shows_a_secret_when_it_is_printed() -> None:
    """A debugger, an error reporter or a stray print shows reprs."""
    settings, built = Settings.load(), dependencies.current()
    objects = [settings, built, built.engine, built.engine.url, built.engine.pool, built.calcom, built.breaker]
    objects += [built.policy, built.timings, vars(built.breaker), make_redis(settings.redis_url or "")]
    objects += [app.amqp.Connection(settings.broker_url), app]

    assert leaks("\n".join(f"{one!r} {one}" for one in objects), WRONG) == []


@pytest.mark.usefixtures("nowhere")
def test_no_error_shows_a_secret_when_nobody_is_there() -> None:
    """With its causes, as a traceback prints them."""
    settings, built = Settings.load(), dependencies.current()
    seen = []

    for kind, attempt in (
        (OperationalError, built.engine.connect),
        (RedisError, lambda: make_redis(settings.redis_url or "").ping()),
        (Exception, lambda: app.amqp.Connection(settings.broker_url).ensure_connection(max_retries=1, timeout=1)),
    ):
        with pytest.raises(kind) as failed:
            attempt()
        seen += [*traceback.format_exception(failed.value), repr(failed.value), str(vars(failed.value))]

    assert "Connection refused" in "".join(seen)
    assert leaks("".join(seen) + repr(built.calcom.list_bookings({})), WRONG) == []


@pytest.mark.usefixtures("nowhere")
def test_check_tells_no_secret() -> None:
    """Everything is wrong, and each thing is named."""
    said = [finding.said for finding in check.look()]

    assert sum("does not answer" in line for line in said) == 3
    assert leaks("\n".join(said), WRONG) == []


@pytest.mark.usefixtures("nowhere")
def test_refused_settings_are_not_repeated_in_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by us nor by pydantic, whose own errors quote what they were given."""
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "CALCOM_BASE_URL", "CALCOM_API_KEY"):
        monkeypatch.setenv(name, "ftp://s3cret:s3 cret@host:s3cret/?s3cret")

    with pytest.raises(SettingsError) as refused:
        Settings.load()

    assert len(refused.value.problems) == 5
    assert "s3cret" not in "".join(traceback.format_exception(refused.value))
