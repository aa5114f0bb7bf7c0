"""The logs: where they go, what they carry, and what never gets into them."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from booking_client import correlation
from tasks.host.log import Logger
from worker import logs
from worker.settings.model import Settings, SettingsError

KEY = "cal_live_0123456789abcdef"
PAGE_TOKEN = "of-" + "random" * 4
PASSWORD = "correct-horse-battery"
ENCRYPTION = "QhQb1oO2m0m6s7kQF3mXKJ8n5c4rT9vYzL1aWdEeHk0="


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _logging_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what `configure` does to the whole process."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    beat = logging.getLogger("celery.beat")
    filters = list(beat.filters)
    yield
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    beat.filters[:] = filters
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.fixture
def settings() -> Settings:
    """Settings with secrets."""
    return Settings.load(
        calcom_api_key=KEY,
        page_token=PAGE_TOKEN,
        database_url=f"postgresql://booking:{PASSWORD}@db.example/x",
        alert_urls="json://hook.example/T0ken",
        account_encryption_keys=ENCRYPTION,
        log_format="auto",
        log_file=None,
    )


@pytest.fixture
def lines(settings: Settings) -> Callable[[], list[dict[str, Any]]]:
    """Log as JSON into memory; the fixture's value reads what was logged."""
    stream = io.StringIO()
    logs.configure(settings, stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def own(text: str) -> None:
    """Log as our own code does."""
    Logger("tasks.booking").info("something.happened", detail=text)


def foreign(text: str) -> None:
    """Log as Celery or urllib3 does."""
    logging.getLogger("celery.worker").info("Got %s.", text)


def traceback(text: str) -> None:
    """Log an exception as Celery does."""
    try:
        fail(text)
    except RuntimeError:
        logging.getLogger("celery.app.trace").exception("Task raised")


def fail(text: str) -> None:
    """Raise, with a local variable that no log may show."""
    local_variable = text * 2
    raise RuntimeError(f"no good: {text}", len(local_variable))


def nested(text: str) -> None:
    """Log structured values."""
    Logger("tasks.booking").info(
        "something.happened", reply={"body": [text, {"text": text}], "error": ValueError(text)}
    )


def test_a_line_says_when_who_and_what(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """One JSON object a line, our fields as they were given."""
    Logger("tasks.booking").info("booking.confirmed", appointment_id=7, seconds=0.5, uid=None)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "booking.confirmed",
        "level": "info",
        "logger": "tasks.booking",
        "appointment_id": 7,
        "seconds": 0.5,
        "uid": None,
    }


@pytest.mark.parametrize("log", [own, foreign, traceback])
def test_every_line_carries_the_correlation_id(
    lines: Callable[[], list[dict[str, Any]]], log: Callable[[str], None]
) -> None:
    """Also what Celery logs while it works on a booking belongs to that booking's story."""
    with correlation.bound("c0ffee"):
        log("x")
    log("x")
    assert [line.get("correlation_id") for line in lines()] == ["c0ffee", None]


@pytest.mark.parametrize("log", [own, foreign, traceback, nested])
@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"the key {KEY} is bad", KEY),
        ("Authorization: Bearer abc.def", "abc.def"),
        (f"postgresql://booking:{PASSWORD}@db.example/x", PASSWORD),
        (f"connection failed with {PASSWORD}", PASSWORD),
        ("redis://:short@cache.example", "short"),
        ("posting to json://hook.example/T0ken", "T0ken"),
        (f"302 GET /resilience?token={PAGE_TOKEN} (127.0.0.1)", PAGE_TOKEN),
        (f"no such key: {ENCRYPTION}", ENCRYPTION),
        ("for ann+tag@example.com", "example.com"),
        ("url: /v2/bookings?attendeeEmail=ann%2Btag%40example.com&take=1", "example.com"),
        ("to ann%40example.com", "example.com"),
        ("GET /v2/bookings?attendeePhone=12025550143&take=1", "2025550143"),
        ("call +1 202 555 0143 back", "555 01"),
        ("call +12025550143 back", "2025550143"),
    ],
)
def test_secrets_and_personal_data_are_masked_wherever_they_stand(
    lines: Callable[[], list[dict[str, Any]]], log: Callable[[str], None], text: str, secret: str
) -> None:
    """In our lines, foreign lines, tracebacks and structured values alike."""
    log(text)
    (line,) = lines()
    assert "***" in json.dumps(line)
    assert secret not in json.dumps(line)


def test_a_secret_across_the_cut_of_a_long_line_is_masked(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Long lines are cut; half a key would be no known secret any more."""
    foreign("x" * 480 + KEY)
    assert KEY[:8] not in lines()[0]["event"]


def test_a_traceback_keeps_its_lines_and_leaves_out_local_variables(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Readable as Python's own, and no values that happened to be around."""
    traceback("because")
    (line,) = lines()
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("RuntimeError: ('no good: because', 14)")
    assert "becausebecause" not in line["exception"]


def test_a_workers_name_is_no_address(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """`celery@host` looks like an e-mail address, and an operator needs it."""
    foreign("celery@worker-1.example.com")
    assert lines()[0]["event"] == "Got celery@worker-1.example.com."


def test_a_field_is_masked_though_it_looks_like_a_workers_name(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Who writes stands in the text of a line; a field may be what somebody has given."""
    own("bookings@hotel.example")

    assert lines()[0]["detail"] == "***"


def test_a_message_cannot_forge_a_line(settings: Settings) -> None:
    """Cal.com's words reach the log; they must not look like ours, nor move the terminal's cursor."""
    terminal = Terminal()
    logs.configure(settings, stream=terminal)
    own("bad\r\n2030-01-01 [info] all is well\x1b[2J")
    assert len(terminal.getvalue().splitlines()) == 1
    assert "\x1b[2J" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("log_format", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_a_terminal_gets_readable_lines_and_a_collector_json(
    settings: Settings, log_format: str, stream: Callable[[], io.StringIO], *, is_json: bool
) -> None:
    """LOG_FORMAT decides; auto looks at what the lines go to."""
    target = stream()
    logs.configure(settings.model_copy(update={"log_format": log_format}), stream=target)
    own("x")
    assert target.getvalue().startswith("{") is is_json
    assert ("\x1b[" in target.getvalue()) is (not is_json and target.isatty())


def test_a_log_file_gets_everything_as_json(settings: Settings, tmp_path: Path) -> None:
    """And nothing goes to the terminal any more."""
    terminal = Terminal()
    logs.configure(settings.model_copy(update={"log_file": tmp_path / "booking.log"}), stream=terminal)
    own("Grüße")
    assert json.loads((tmp_path / "booking.log").read_text(encoding="utf-8"))["detail"] == "Grüße"
    assert not terminal.getvalue()


def test_a_log_file_that_cannot_be_written_is_a_problem_with_the_settings(settings: Settings, tmp_path: Path) -> None:
    """Said like every other one, before any work begins."""
    with pytest.raises(SettingsError, match=r"LOG_FILE: cannot be written .*; name a file in a folder of yours"):
        logs.configure(settings.model_copy(update={"log_file": tmp_path / "none" / "booking.log"}))


def test_configuring_again_repeats_no_line(settings: Settings) -> None:
    """Celery's signal and the command line both configure."""
    first, second = io.StringIO(), io.StringIO()
    logs.configure(settings, stream=first)
    logs.configure(settings, stream=second)
    own("x")
    assert not first.getvalue()
    assert len(second.getvalue().splitlines()) == 1


def test_no_other_handler_writes_unmasked_lines(settings: Settings) -> None:
    """`basicConfig` and Tornado put handlers of their own on the root."""
    before = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(before))
    logs.configure(settings, stream=io.StringIO())
    foreign("ann@example.com")
    assert not before.getvalue()


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_libraries_do_not_tell_what_they_call(settings: Settings, level: str) -> None:
    """urllib3 logs each URL on DEBUG, and ours hold an attendee's address."""
    stream = io.StringIO()
    logs.configure(settings, level=level, stream=stream)
    logging.getLogger("urllib3.connectionpool").debug("GET /v2/bookings?attendeeEmail=ann")
    logging.getLogger("tasks").debug("ours")
    assert "urllib3" not in stream.getvalue()
    assert ("ours" in stream.getvalue()) is (level == "DEBUG")
