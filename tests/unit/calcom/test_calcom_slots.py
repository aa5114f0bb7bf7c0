"""Whether Cal.com still offers a start."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.slots import Slot, ask_slots, free_starts, seats_left

Make = Callable[..., Appointment]


class Calcom:
    """A Cal.com that answers its slots with `body`, or not at all; and remembers what it was asked."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.asked: list[Mapping[str, Any]] = []

    def slots(self, params: Mapping[str, Any]) -> Answer | NoAnswer:
        """Return the slots."""
        self.asked.append(params)
        if self.body is None:
            return NoAnswer(sent=True, error_type="timeout", message="no answer in time", elapsed=30)
        return Answer(200, {}, self.body, 0.1)


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"{}"])
def test_slots_that_do_not_answer_say_nothing(row: Make, body: bytes | None) -> None:
    """Neither that the start is free, nor that it is taken."""
    assert ask_slots(Calcom(body), row()) is Slot.UNASKED


@pytest.mark.parametrize(
    ("starts", "slot"),
    [
        (["2030-03-01T10:00:00.000+01:00"], Slot.OFFERED),
        (["2030-03-01T08:00:00Z", "2030-03-01T08:30:00Z"], Slot.UNAVAILABLE),
        (["2030-03-01T08:10:00Z", "2030-03-01T08:40:00Z"], Slot.UNPROVEN),
        ([], Slot.UNPROVEN),
    ],
    ids=["offered", "on the grid, not offered", "off the grid", "no grid to be seen"],
)
def test_a_slot_is_offered_when_its_instant_is(row: Make, starts: list[str], slot: Slot) -> None:
    """Whatever zone Cal.com writes it in; a start off Cal.com's grid is never offered, and may be booked anyway."""
    calcom = Calcom(json.dumps({"data": {"2030-03-01": [{"start": start} for start in starts]}}).encode())

    assert ask_slots(calcom, row(length_in_minutes=60)) is slot
    assert calcom.asked == [
        {"eventTypeId": 101, "start": "2030-03-01T00:00:00Z", "end": "2030-03-03T00:00:00Z", "duration": 60}
    ]


@pytest.mark.parametrize(
    ("slot", "left"),
    [
        ({"seatsBooked": 1, "seatsRemaining": 1, "seatsTotal": 2}, 1),
        ({"seatsBooked": 2, "seatsRemaining": 0, "seatsTotal": 2}, 0),
        ({}, None),
        ({"seatsRemaining": True}, None),
        ({"seatsRemaining": 0, "start": "2030-03-01T10:00:00Z"}, None),
    ],
    ids=["one", "full, and offered", "nobody has booked", "rubbish", "another start"],
)
def test_slots_show_how_many_seats_are_left(slot: dict[str, Any], left: int | None) -> None:
    """Cal.com overbooks a full time when a seat is moved there: so we look before."""
    shown = {"data": {"2030-03-01": [{"start": "2030-03-01T09:00:00Z", **slot}]}}
    start = datetime(2030, 3, 1, 9, tzinfo=UTC)

    assert seats_left(Answer(200, {}, json.dumps(shown).encode(), 0.1), start) == left


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data": []}', b'{"data": {"a": 1}}'])
def test_slots_that_show_nothing_show_no_seats(body: bytes) -> None:
    """Nothing is refused for that."""
    assert seats_left(Answer(200, {}, body, 0.1), datetime(2030, 3, 1, 9, tzinfo=UTC)) is None


def test_a_full_time_is_not_free() -> None:
    """Cal.com offers it all the same; a time without any seat taken shows no number."""
    shown = [
        {"start": f"2030-03-04T{hour}:00:00Z", **more} for hour, more in (("11", {}), ("10", {"seatsRemaining": 0}))
    ]
    shown.append({"start": "2030-03-04T09:00:00Z", "seatsRemaining": 1})

    found = free_starts(Answer(200, {}, json.dumps({"data": {"2030-03-04": shown}}).encode(), 0.1))

    assert [start.hour for start in found or ()] == [9, 11]
    assert free_starts(Answer(200, {}, b'{"data": []}', 0.1)) is None
