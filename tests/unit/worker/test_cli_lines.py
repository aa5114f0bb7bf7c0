"""Lines of a file: counted, sent in batches, refused with their place and why."""

import io
from collections.abc import Sequence
from datetime import timedelta

import pytest

from booking_client.receipts import Conflict, Receipt
from booking_client.request.model import BookingRequest
from db.lifecycle import Status
from resilience.exceptions import AppointmentDatabaseException
from worker.cli.enqueue.json_lines import read_requests
from worker.cli.enqueue.lines import Lines

LINE = (
    '{"event_type_id": 101, "start": "2030-03-01T09:00:00Z", "attendee": {"name": "Ann Sample", '
    '"email": "ann@example.com", "time_zone": "Europe/Berlin"}}'
)


class Desk:
    """Answer as the booking desk does: what it has seen is a duplicate, what it is told to refuse a conflict."""

    def __init__(self, *, conflict: bool = False, patience: int = 99) -> None:
        self.batches: list[int] = []
        self.conflict = conflict
        self.patience = patience
        self.moved_by = timedelta(0)
        self.said: list[str] = []

    def send(self, requests: Sequence[BookingRequest]) -> list[Receipt | Conflict]:
        """Take a batch; after `patience` of them the database is gone."""
        if len(self.batches) >= self.patience:
            raise AppointmentDatabaseException("gone", error_type="lost_connection")
        known = bool(self.batches)
        self.batches.append(len(requests))
        if self.conflict:
            return [Conflict(7, "web-1") for _ in requests]
        starts = (one.start + self.moved_by for one in requests)
        return [Receipt(1, "task", Status.PENDING, duplicate=known, correlation_id="c", start=one) for one in starts]


def read(text: str, desk: Desk, *, batch: int = 200) -> Lines:
    """Read a text to its end."""
    lines = Lines("in.jsonl", desk.send, desk.said.append, batch=batch)
    for line in read_requests(io.BytesIO(text.encode())):
        lines.take(line)
    lines.flush()
    return lines


def test_good_lines_go_in_batches() -> None:
    """Five lines in batches of two are three inserts."""
    desk = Desk()
    tally = read(f"{LINE}\n" * 5, desk, batch=2).tally
    assert desk.batches == [2, 2, 1]
    assert (tally.requests, tally.accepted, tally.duplicates) == (5, 2, 3)


def test_a_bad_line_is_named_and_the_good_ones_go_on() -> None:
    """FILE:LINE field: why, one line for each thing that is wrong."""
    desk = Desk()
    tally = read(f"{LINE}\nnonsense\n\n{LINE.replace('Z', '')}\n{LINE}\n", desk).tally
    assert [said.split(": ")[0] for said in desk.said] == ["in.jsonl:2 line", "in.jsonl:4 start"]
    assert (tally.requests, tally.accepted, tally.invalid) == (4, 2, 2)


def test_a_booking_that_was_moved_at_cal_com_is_named_with_its_start() -> None:
    """It is known, and who reads the file again must not believe that it is at the old time."""
    desk = Desk()
    read(LINE, desk)
    desk.moved_by = timedelta(hours=1)
    tally = read(LINE, desk).tally
    assert (tally.duplicates, tally.moved) == (1, 1)
    assert [said.partition(" to ")[0] for said in desk.said] == ["in.jsonl:1 start: booked, and moved at Cal.com"]


def test_a_conflict_is_named_with_the_booking_that_has_the_key() -> None:
    """It counts as refused, and as a conflict."""
    desk = Desk(conflict=True)
    tally = read(LINE, desk).tally
    assert desk.said == ["in.jsonl:1 idempotency_key: already stands for another request (appointment 7)"]
    assert (tally.invalid, tally.conflicts, tally.accepted) == (1, 1, 0)


def test_an_empty_file_is_no_line() -> None:
    """It is said of the file, and nothing is sent."""
    desk = Desk()
    tally = read("\n \n", desk).tally
    assert desk.said == ["in.jsonl: holds no booking request"]
    assert (tally.requests, desk.batches) == (0, [])


def test_what_was_accepted_before_the_database_went_is_known() -> None:
    """The lines of the batch that failed are not among it, and wait still."""
    desk = Desk(patience=1)
    lines = Lines("in.jsonl", desk.send, desk.said.append, batch=2)
    for line in read_requests(io.BytesIO(f"{LINE}\n".encode() * 3)):
        lines.take(line)
    with pytest.raises(AppointmentDatabaseException):
        lines.flush()
    assert (lines.tally.accepted, lines.tally.requests, len(lines.waiting)) == (2, 3, 1)
