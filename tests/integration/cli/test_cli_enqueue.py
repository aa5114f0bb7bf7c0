"""`booking enqueue`: good lines are accepted, bad ones named, and nothing is ever accepted twice."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from db.appointments import event_types
from db.appointments.event_types import EventKind, ShownType
from db.models.bookings import appointments
from tests.support.fleet import eventually

Booking = Callable[..., Any]


def line(number: int, **changes: Any) -> str:
    """Ask for a slot of its own."""
    asked = {
        "event_type_id": 110,
        "start": f"2030-03-{1 + number // 400:02}T{8 + number % 400 // 60:02}:{number % 60:02}:00Z",
        "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"},
    }
    return json.dumps(asked | changes)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of lines, text or bytes."""

    def make(*lines: str | bytes) -> Path:
        file = tmp_path / "in.jsonl"
        file.write_bytes(b"".join((one if isinstance(one, bytes) else one.encode()) + b"\n" for one in lines))
        return file

    return make


@pytest.fixture
def good(engine: Engine) -> Callable[[], int]:
    """Count the rows that are kept."""

    def count() -> int:
        with engine.connect() as conn:
            return conn.execute(select(func.count()).select_from(appointments)).scalar_one()

    return count


def test_good_lines_are_accepted_and_each_bad_one_is_named_with_why(
    booking: Booking, write: Callable[..., Path], good: Callable[[], int]
) -> None:
    """FILE:LINE field: why; the good ones are in, the exit code is 1, and nobody's address is repeated."""
    attendee = {"name": "Pat Example", "email": "pat@example.com", "time_zone": "Europe/Berlin"}
    bad: dict[str, str | bytes] = {
        "line": "not json",
        "start": line(1, start="2030-03-01T09:00:00"),
        "colour": line(2, colour="blue"),
        "start ": line(3, start="2020-03-01T09:00:00Z"),
        "attendee.time_zone": line(4, attendee=attendee | {"time_zone": "Europe/Nowhere"}),
        "attendee.phone_number": line(5, attendee=attendee | {"phone_number": "+1 000 000 0000"}),
        "line ": line(6).replace("Pat", "P\xe4t").encode("latin-1"),
        "line  ": b'{"event_type_id": 1, "pad": "' + b"x" * 10_000_000 + b'"}',
    }
    file = write(line(0), *bad.values(), line(7))
    ran = booking("enqueue", file)
    named = [said.removeprefix(f"{file}:").partition(": ")[0] for said in ran.err.splitlines()]
    assert named == [f"{number} {field.strip()}" for number, field in enumerate(bad, start=2)]
    assert (ran.code, good()) == (1, 2)
    assert ran.out == "2 accepted, 8 refused (said above, line by line)\n"
    assert "pat@example.com" not in ran.said


def test_sending_the_file_again_accepts_nothing_twice(
    booking: Booking, write: Callable[..., Path], good: Callable[[], int]
) -> None:
    """The second time everything is known, and that is no error."""
    file = write(*(line(number) for number in range(450)))
    assert booking("enqueue", file).out == "450 accepted\n"
    again = booking("enqueue", file)
    assert (again.code, again.out, good()) == (0, "0 accepted, 450 already known\n", 450)


def test_a_key_given_for_another_request_is_a_conflict_that_says_so(
    booking: Booking, write: Callable[..., Path], good: Callable[[], int]
) -> None:
    """With the booking that has the key."""
    ran = booking("enqueue", write(line(1, idempotency_key="web-1"), line(2, idempotency_key="web-1")))
    assert ran.err.endswith("in.jsonl:2 idempotency_key: already stands for another request (appointment 1)\n")
    assert (ran.code, good()) == (1, 1)


def test_a_line_that_wants_a_time_only_as_the_first_is_named_where_another_one_asked_before(
    booking: Booking, write: Callable[..., Path], good: Callable[[], int], engine: Engine
) -> None:
    """It counts as refused, nothing of it is kept, and the other lines are accepted."""
    with engine.begin() as conn:
        event_types.keep(conn, "key", "110", ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False))
    start = json.loads(line(1))["start"]
    behind, free = line(2, start=start, only_if_first=True), line(3, only_if_first=True)

    ran = booking("enqueue", write(line(1)))
    assert ran.code == 0
    ran = booking("enqueue", write(behind, free), "--json")

    assert ran.err.endswith(
        "in.jsonl:1 start: 1 asked for that time before, and may still get it; nothing was stored\n"
    )
    assert {"accepted": 1, "invalid": 1, "not_first": 1}.items() <= ran.json.items()
    assert (ran.code, good()) == (1, 2)


def test_json_is_one_object(booking: Booking, write: Callable[..., Path]) -> None:
    """For programs: the counts, on standard output alone."""
    ran = booking("enqueue", write(line(1), line(1), "{}"), "--json")
    counts = {"requests": 3, "accepted": 1, "duplicates": 1, "invalid": 1, "conflicts": 0, "moved": 0}
    assert len(ran.out.splitlines()) == 1
    assert counts.items() <= ran.json.items()


@pytest.mark.parametrize("content", ["", "\n  \n"], ids=["empty", "blank"])
def test_an_empty_file_is_said(booking: Booking, write: Callable[..., Path], content: str) -> None:
    """Somebody's export went wrong, and must know."""
    file = write(content)
    ran = booking("enqueue", file)
    assert (ran.code, ran.err) == (1, f"{file}: holds no booking request\n")


def test_what_cannot_be_read_is_said_in_one_line(booking: Booking, tmp_path: Path) -> None:
    """A file that is not there, and a folder."""
    missing, folder = booking("enqueue", tmp_path / "none.jsonl"), booking("enqueue", tmp_path)
    assert (missing.code, folder.code) == (1, 1)
    assert missing.err == f"booking: {tmp_path}/none.jsonl: cannot be read (no such file or directory)\n"
    assert folder.err == f"booking: {tmp_path}: is a folder; give a file of JSON lines, or - for standard input\n"


def test_a_broker_that_is_down_costs_nothing_but_a_note(
    settings: Callable[..., dict[str, str]],
    spawn: Callable[..., Any],
    ended: Callable[..., Any],
    write: Callable[..., Path],
    good: Callable[[], int],
) -> None:
    """What is accepted is kept; the person is told that it goes on later."""
    nowhere = settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    ran = ended(spawn(nowhere, "enqueue", str(write(line(1), line(2)))))
    assert (ran.code, good(), ran.out) == (0, 2, "2 accepted\n")
    assert ran.err.startswith("The broker does not answer. Nothing is lost")


def test_a_database_without_tables_says_what_to_do(
    settings: Callable[..., dict[str, str]], call: Booking, write: Callable[..., Path], empty_database_url: str
) -> None:
    """`booking migrate` was forgotten."""
    settings(DATABASE_URL=empty_database_url)
    ran = call("enqueue", write(line(1)))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "booking: the database lacks our tables, or some of their columns; run `booking migrate`\n"


def test_a_line_that_waits_alone_is_sent(
    settings: Callable[..., dict[str, str]],
    spawn: Callable[..., Any],
    ended: Callable[..., Any],
    good: Callable[[], int],
) -> None:
    """Standard input may stay open for hours; a booking must not wait in it. Ctrl-C then says what was accepted."""
    process = spawn(settings(), "enqueue", "-")
    process.stdin.write(f"{line(1)}\n".encode())
    process.stdin.flush()
    eventually(lambda: good() == 1 or process.poll() is not None)
    assert process.poll() is None, process.stderr.read().decode()
    process.send_signal(signal.SIGINT)
    process.wait(60)  # its input is still open
    ran = ended(process)
    assert ran.code == 130
    assert re.search(r"1 line of stdin read, (1|at least 0) accepted; it is safe to send stdin again", ran.err)


def test_postgres_dying_in_mid_file_says_how_much_was_accepted(
    settings: Callable[..., dict[str, str]],
    spawn: Callable[..., Any],
    ended: Callable[..., Any],
    good: Callable[[], int],
    postgres: Any,
) -> None:
    """The first batch is in, the second is not, and sending the file again is safe."""
    process = spawn(settings(), "enqueue", "-")
    process.stdin.write("".join(f"{line(number)}\n" for number in range(200)).encode())
    process.stdin.flush()
    eventually(lambda: good() == 200 or process.poll() is not None)
    assert process.poll() is None, process.stderr.read().decode()
    postgres.kill()
    process.stdin.write("".join(f"{line(number)}\n" for number in range(200, 300)).encode())
    ran = ended(process)
    assert ran.code == 1
    assert "Postgres does not answer" in ran.err
    assert "300 lines of stdin read, at least 200 accepted; it is safe to send stdin again" in ran.err
    postgres.recover()
    assert good() == 200
