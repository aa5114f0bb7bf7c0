"""What cannot be cancelled or moved is told in its own sentence, whichever face is asked; nothing of it is kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from booking_client import Bookings
from db.changes import asking
from db.lifecycle import ChangeStatus
from tasks.booking import change_booking
from tests.integration.conftest import Record
from tests.integration.page.acting import start_flower_to_act
from tests.support.api.served import Api
from tests.support.faces.adapters import FACES, ByClient, ByCommand, ByHttp, ByPage, ByPython, ByVoice, Face
from tests.support.faces.command_line import CommandLine
from tests.support.refused_changes import (
    ACCOUNT,
    LATER,
    REFUSALS,
    UNSAID,
    made,
    seat_beside_a_full_time,
    stored,
)


@pytest.fixture(scope="module")
def served(api: Api) -> Record:
    """Hand out the record of the one API, of all the faces that it serves: no two make the same rows."""
    return Record(api.engine)


@pytest.fixture(params=FACES, ids=lambda kind: kind.name)
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """Give each face in turn; HTTP and voice share one API, for all of the table."""
    kind, get = request.param, request.getfixturevalue
    settings = get("settings")
    if kind in {ByHttp, ByVoice}:
        record, caller = get("served"), get("api").key()
        settings(DATABASE_URL=record.engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
        number = caller.api.sql("SELECT id FROM api_keys WHERE name = :name", name=caller.name)
        yield kind(record, caller, owner={"api_key_id": number})
        return
    settings()
    record = get("record")
    if kind is ByPython:
        yield ByPython(record)
    elif kind is ByCommand:
        yield ByCommand(record, CommandLine(get("capsys"), get("monkeypatch")))
    elif kind is ByPage:
        yield ByPage(record, start_flower_to_act(get("fleet")))
    else:
        with Bookings(get("database_url")) as bookings:
            yield ByClient(record, bookings)


@pytest.mark.variants(first=3)
def test_what_cannot_be_done_is_told_in_its_own_sentence(face: Face, simulator: Any) -> None:
    """The booking stays as it is, and no change of it is stored; a client, who hears it later, has the refused one.

    That a time is full nobody knows before Cal.com has shown it: then nothing is sent, for Cal.com would overbook it.
    """
    record = face.record
    assert {case for case, _ in UNSAID} <= REFUSALS.keys()
    for case, refusal in REFUSALS.items():
        if (case, face.name) in UNSAID:
            continue
        row, before = made(record, refusal.state, **face.owner), stored(record)
        start = (refusal.start or row.start_at) if case.startswith("move") else None

        heard = face.ask(row, start, ACCOUNT if refusal.state == "other account" else None)

        assert [part for part in face.told(case) if part not in heard] == [], (case, heard)
        assert record.read(row.id) == row, case
        kept = stored(record)
        assert [status for _, status in kept[len(before) :]] == face.kept(refusal), case
        assert kept[: len(before)] == before, case

    row = seat_beside_a_full_time(record, **face.owner)
    face.ask(row, LATER)
    with record.engine.connect() as conn:
        [change] = asking.of_booking(conn, row.id)

    assert change_booking.apply([change.id]).get() == ChangeStatus.REFUSED
    assert face.no_seat in face.heard(row)
    assert record.read(row.id) == row
    assert [one["target"] for one in simulator.journal() if one["target"].endswith("/reschedule")] == []
