"""JSON lines: every bad line is told apart, every good one is read, whatever the bytes."""

import io
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.cli.enqueue.json_lines import MAX_LINE, BadLine, GoodLine, read_requests

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ASKED: dict[str, Any] = {
    "event_type_id": 101,
    "start": "2027-03-01T09:00:00Z",
    "attendee": {"name": "Ann Fake", "email": "ann@example.com", "time_zone": "Europe/Berlin"},
}
GOOD = json.dumps(ASKED).encode()


def read(data: bytes) -> list[GoodLine | BadLine]:
    """Return what the lines of `data` are."""
    return list(read_requests(io.BytesIO(data), now=NOW))


def told(data: bytes) -> list[str]:
    """Return each line as `number` when good, or as `number field: why` for each fault."""
    lines: list[str] = []
    for line in read(data):
        if isinstance(line, GoodLine):
            lines.append(str(line.number))
        else:
            lines.extend(f"{line.number} {field}: {why}" for field, why in line.problems)
    return lines


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{nope", "line: is not JSON (column 2: Expecting property name enclosed in double quotes)"),
        (b'{"a": "\xff"}', "line: is not UTF-8 (byte 8)"),
        ("{}".encode("utf-16"), "line: is not UTF-8 (byte 1)"),
        (b"[]", "line: must be a JSON object, as in {...}"),
        (b'"x"', "line: must be a JSON object, as in {...}"),
        (b"null", "line: must be a JSON object, as in {...}"),
        (b"{} {}", "line: is not JSON (column 4: Extra data)"),
        (b'{"a": 1, "a": 1}', "line: has the key a twice"),
        (b'{"x": {"ann@example.com": 1, "ann@example.com": 1}}', "line: has a key twice"),
        (b'{"a": NaN}', "line: is not JSON: NaN is not a JSON number"),
        (b'{"a": -Infinity}', "line: is not JSON: -Infinity is not a JSON number"),
        (b'{"a": 1e999}', "line: holds a number that is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "line: holds a number that is too large"),
        (b'{"a": ' + b"[" * 60_000, "line: is not JSON that can be read: nested too deeply"),
        (GOOD.replace(b"09:00:00Z", b"09:00:00"), "start: needs its offset: end it with Z, or with one like +02:00"),
        (GOOD.replace(b"2027", b"2020"), "start: is in the past"),
        (
            GOOD.replace(b"Berlin", b"Nowhere"),
            "attendee.time_zone: is not a time zone: write an IANA name, as in Europe/Berlin",
        ),
        (GOOD.replace(b'"event', b'"colour": 1, "event'), "colour: is not a known field"),
        (GOOD.replace(b"Ann Fake", b"\\ud800"), "attendee.name: must be text in UTF-8"),
        (GOOD.replace(b"Ann Fake", b"\\u0000"), "attendee.name: must not hold a NUL character"),
        (GOOD.replace(b"Ann Fake", b"\x00"), "line: is not JSON (column 79: Invalid control character at)"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_the_next_one_is_read(line: bytes, why: str) -> None:
    """One bad line costs nobody else their booking."""
    assert told(line + b"\n" + GOOD + b"\n") == [f"1 {why}", "2"]


def test_blank_lines_are_skipped_but_counted() -> None:
    """The number is the one that an editor shows."""
    assert told(b"\n  \r\n" + GOOD + b"\r\n\t\n" + GOOD) == ["3", "5"]


def test_a_byte_order_mark_is_no_fault() -> None:
    """Windows editors write one, at the very beginning only."""
    assert told(b"\xef\xbb\xbf" + GOOD + b"\n" + GOOD) == ["1", "2"]
    assert told(GOOD + b"\n\xef\xbb\xbf" + GOOD)[1].startswith("2 line: is not JSON")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file_is_a_clear_error(data: bytes) -> None:
    """Nothing to do is not success."""
    assert told(data) == ["1 file: holds no booking request"]


def padded(size: int) -> bytes:
    """Return a good line of exactly `size` bytes."""
    return GOOD + b" " * (size - len(GOOD))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_may_have_64_kib_and_not_a_byte_more(end: bytes) -> None:
    """The limit is exact, whatever ends the line."""
    assert told(padded(MAX_LINE) + end) == ["1"]
    for more in (1, 2, 3, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2):
        assert told(padded(MAX_LINE + more) + end) == ["1 line: is longer than 64 KiB"]
        if end:
            assert told(padded(MAX_LINE + more) + end + GOOD) == ["1 line: is longer than 64 KiB", "2"]


def test_a_line_of_10_mb_is_refused_in_bounded_memory() -> None:
    """A wrong file does not fill the worker's memory."""
    stream = io.BytesIO(b"x" * 10_000_000 + b"\n" + GOOD)
    tracemalloc.start()
    try:
        lines = list(read_requests(stream, now=NOW))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [type(line) for line in lines] == [BadLine, GoodLine]
    assert peak < 2_000_000


def test_lines_are_read_as_they_come() -> None:
    """A pipe that stays open is served line by line."""
    stream = io.BytesIO(GOOD + b"\n" + GOOD)
    first = next(read_requests(stream, now=NOW))
    assert first.number == 1
    assert stream.readline() == GOOD


def test_a_line_with_a_thousand_faults_names_only_the_first() -> None:
    """A report stays readable."""
    line = json.dumps(ASKED | {f"field{number}": 1 for number in range(1000)}).encode()
    assert len(told(line)) == 20


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(st.binary())
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Every line that is not blank is answered once, in order."""
    numbers = [line.number for line in read(data)]
    assert numbers == sorted(set(numbers))
    assert numbers


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(st.lists(st.sampled_from([GOOD, b"", b"{}", b"\xff", padded(MAX_LINE + 5)]), min_size=1))
def test_each_line_is_answered_with_its_own_number(lines: list[bytes]) -> None:
    """Whatever stands before it, a line is found under its number."""
    found = {line.number: isinstance(line, GoodLine) for line in read(b"\n".join(lines))}
    expected = {number: line == GOOD for number, line in enumerate(lines, 1) if line}
    assert found == (expected or {1: False})
