"""examples/bookings.jsonl is what its README says: so many of each, all invented, good until 2030."""

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from booking_client.request.idempotency import derive_key, payload_hash
from worker.cli.enqueue.json_lines import BadLine, GoodLine, read_requests

ROOT = Path(__file__).parents[3]
FILE = ROOT / "examples" / "bookings.jsonl"
NOW = datetime(2029, 12, 31, tzinfo=UTC)


@cache
def lines() -> list[GoodLine | BadLine]:
    """Return the file as `booking enqueue` reads it, on the last day of 2029."""
    with FILE.open("rb") as stream:
        return list(read_requests(stream, now=NOW))


def good() -> list[Any]:
    """Return the requests of the good lines."""
    return [line.request for line in lines() if isinstance(line, GoodLine)]


def make_bookings(option: str) -> str:
    """Return what the generator prints."""
    return subprocess.check_output([sys.executable, "-B", ROOT / "examples" / "make_bookings.py", option], text=True)


def test_the_file_is_what_its_generator_writes() -> None:
    """Nobody edits the file or its table by hand."""
    assert make_bookings("--check") == ""


def test_the_counts_are_those_of_the_product() -> None:
    """Which lines are bad, asked before or in conflict, the product finds as the generator meant it."""
    found, first = Counter[str](requests=len(lines())), dict[str, str]()
    for line in lines():
        if isinstance(line, BadLine):
            found["invalid"] += 1
            continue
        given = line.request.idempotency_key
        key, payload = given or derive_key(line.request), payload_hash(line.request)
        conflict = given is not None and first.get(key, payload) != payload
        found["conflicts"] += conflict
        found["invalid" if conflict else "duplicates" if key in first else "accepted"] += 1
        first.setdefault(key, payload)
    meant = json.loads(make_bookings("--counts"))

    assert found == {name: count for name, count in meant.items() if name not in {"confirmed", "rejected"}}
    assert meant["confirmed"] + meant["rejected"] == meant["accepted"]
    assert meant["requests"] >= 240


def test_the_makefile_says_how_many() -> None:
    """`make help` promises the size of this very file."""
    assert f"Book {len(lines())} requests" in (ROOT / "Makefile").read_text("utf-8")


def test_it_holds_what_a_clinic_meets() -> None:
    """Phone-only callers, plus-addresses, both half past twos, guests, places, lengths, languages, other alphabets."""
    requests = good()
    attendees = [request.attendee for request in requests]
    half_past_twos = {request.start for request in requests if request.start.date().isoformat() == "2030-10-27"}

    assert sum(attendee.email is None for attendee in attendees) >= 20
    assert sum("+" in (attendee.email or "") for attendee in attendees) >= 20
    assert {start.isoformat() for start in half_past_twos} == {"2030-10-27T00:30:00+00:00", "2030-10-27T01:30:00+00:00"}
    assert {request.event_type_id for request in requests} == {None, *range(101, 111)}
    assert {request.length_in_minutes for request in requests} == {None, 15, 30, 60}
    assert {request.location.type for request in requests if request.location} == {"address", "attendeePhone"}
    assert sum(bool(request.guests) for request in requests) >= 20
    assert len({attendee.language for attendee in attendees}) >= 10
    assert sum(not attendee.name.isascii() for attendee in attendees) >= 100


def test_nobody_in_it_exists() -> None:
    """Domains and numbers are those kept for examples and fiction."""
    text = FILE.read_text("utf-8")
    numbers = re.findall(r'"(?:phone_number|phone)": "([^"]*)"', text)

    assert {domain.lower() for domain in re.findall(r"@([\w.-]+)", text)} == {"example.com", "example.org"}
    assert [
        number for number in numbers if not re.match(r"\+1[ -]202[ -]555[ -]01|\+44[ -]20[ -]7946[ -]0", number)
    ] == []
