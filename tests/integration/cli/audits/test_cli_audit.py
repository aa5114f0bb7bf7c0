"""`booking audit`: what it says, what it changes, and how it ends."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.lifecycle import Status
from tasks import dependencies
from tasks.operations import breaker_overrides
from tests.support.audits.scene import Scene
from tests.support.fleet import eventually

Booking = Callable[..., Any]
PATIENT = {"CALCOM_READ_TIMEOUT": "60", "CALCOM_DEADLINE": "60"}  # it waits for an answer until the signal comes
CANCEL = {"method": "POST", "path": "/v2/bookings/*"}


@pytest.fixture
def scene(booking: Booking, record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    assert booking
    return Scene(record, simulator)


def test_each_finding_is_said_mended_and_then_gone(scene: Scene, booking: Booking) -> None:
    """Exit code 1 while something is open; a plain reader sees what, which booking, and what would be done."""
    doubled, over, failed = scene.confirmed(), scene.confirmed(), scene.row(Status.FAILED)
    double, late = scene.post(doubled), scene.post(failed)
    scene.cancel(over.calcom_booking_uid or "")
    ran = booking("audit")
    assert ran.code == 1
    assert f"there twice: booking {doubled.id} (" in ran.out
    assert f"{double['uid']} the double" in ran.out
    assert f"cancelled there: booking {over.id} (" in ran.out
    assert f"there, not here: booking {failed.id} (" in ran.out
    assert "2 bookings confirmed here, 2 judged, 4 listed there.\nFound: " in ran.out
    assert "`booking audit --fix` mends 3 of them." in ran.out
    mended = booking("audit", "--fix")
    assert (mended.code, mended.out.count("    fixed: ")) == (0, 3)
    assert f"{double['uid']} is cancelled at Cal.com" in mended.out
    assert "Fixed 3." in mended.out
    again = booking("audit")
    assert (again.code, again.out.splitlines()[-1]) == (0, "Nothing found.")
    assert scene.record.read(failed.id).calcom_booking_uid == late["uid"]


def test_json_is_one_object(scene: Scene, booking: Booking) -> None:
    """With and without findings."""
    row = scene.confirmed()
    lost = scene.lost()
    ran = booking("audit", "--from", f"{scene.first:%Y-%m-%d}", "--days", "30", "--json")
    assert (ran.code, len(ran.out.splitlines())) == (1, 1)
    [found] = ran.json["findings"]
    counts = {name: ran.json[name] for name in ("confirmed", "judged", "asked", "listed", "others")}
    assert counts == {"confirmed": 2, "judged": 2, "asked": 1, "listed": 1, "others": 0}
    assert (ran.json["under_way"], ran.json["cannot_tell"]) == ([], [])
    assert (found["kind"], found["id"], found["fix"], found["fixed"]) == ("absent_there", lost.id, None, False)
    day = f"{row.start_at:%Y-%m-%d}"
    only = booking("audit", "--from", day, "--to", day, "--fix", "--json").json
    assert (only["from"], only["to"], only["findings"][0]["outcome"]) == (day, day, None)


def test_what_could_not_be_told_is_no_clean_bill(scene: Scene, booking: Booking, simulator: Any) -> None:
    """An audit that was not answered must not look well in the morning."""
    row = scene.lost()
    simulator.faults("status", name="internal", match={"method": "GET", "path": f"/v2/bookings/lost-{row.id}"})
    ran = booking("audit")
    assert ran.code == 1
    assert f"cannot tell, for Cal.com gave no answer that can be read: {row.id}\n" in ran.err
    assert "1 booking confirmed here, 0 judged (1 of them asked for one by one), 0 listed there." in ran.out
    assert "Nothing found where it can be told." in ran.out


def test_a_key_that_lists_nothing_judges_all_the_same(
    scene: Scene, booking: Booking, settings: Callable[..., dict[str, str]]
) -> None:
    """By the uid of each booking; both numbers are said."""
    scene.confirmed()
    settings(CALCOM_API_KEY="cal_test_blind")
    ran = booking("audit")
    assert ran.code == 0
    assert "1 booking confirmed here, 1 judged (1 of them asked for one by one), 0 listed there." in ran.out
    assert ran.out.endswith("Nothing found.\n")


def test_by_default_it_begins_yesterday(scene: Scene, booking: Booking) -> None:
    """What was missed yesterday can still be mended today; what is weeks ahead too."""
    today = scene.first - timedelta(days=5)
    ran = booking("audit", "--json").json
    assert ran["from"] in {f"{today + timedelta(days=late - 1):%Y-%m-%d}" for late in (0, 1)}  # it may be midnight
    assert ran["to"] in {f"{today + timedelta(days=late + 30):%Y-%m-%d}" for late in (0, 1)}


def test_while_the_breaker_is_open_it_says_so(scene: Scene, booking: Booking) -> None:
    """In two lines, with nothing sent and nothing judged."""
    breaker_overrides.force(
        dependencies.current().engine,
        dependencies.current().breaker,
        "open",
        by="ops",
        why="Cal.com asked us to",
        until=None,
    )
    ran = booking("audit", "--fix", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "booking: the circuit breaker is open: Cal.com is left alone" in ran.err
    assert "booking: nothing was judged, and nothing changed" in ran.err
    assert scene.simulator.journal() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"),
        ("--from", "2030-03-02", "--to", "2030-03-01"),
        ("--to", "2030-03-01", "--days", "3"),
        ("--days", "0"),
        ("--once-unknown", "--fix"),
        ("--once-unknown", "--days", "3"),
        ("--personal",),
    ],
)
def test_days_that_make_no_sense_are_wrong_usage(call: Booking, arguments: tuple[str, ...]) -> None:
    """Before anything is asked."""
    ran = call("audit", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: booking audit" in ran.err


@pytest.mark.long
def test_killed_between_the_call_and_its_record_the_next_one_completes_it(
    scene: Scene, booking: Booking, spawn: Callable[..., Any], simulator: Any
) -> None:
    """The intent was written before the first byte: Cal.com is not asked twice, and the story has an end."""
    row = scene.confirmed()
    scene.post(row)
    simulator.faults("commit_then_hang", match=CANCEL)
    process = spawn({**os.environ, **PATIENT}, "audit", "--fix")  # noqa: TID251 - a child process gets ours
    eventually(lambda: len(scene.alive(row)) == 1 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert scene.story(row) == ["cancelling_double"]
    simulator.no_faults()
    assert booking("audit", "--fix").code == 0
    assert scene.story(row) == ["cancelling_double", "double_cancelled"]
    assert (scene.alive(row), scene.cancels()) == ({row.calcom_booking_uid}, 1)


@pytest.mark.long
def test_ctrl_c_ends_it_and_says_that_it_may_be_run_again(
    scene: Scene, spawn: Callable[..., Any], ended: Callable[..., Any], simulator: Any
) -> None:
    """In the middle of reading the list."""
    simulator.faults("hang", match={"method": "GET", "path": "/v2/bookings"})
    process = spawn({**os.environ, **PATIENT}, "audit")  # noqa: TID251 - a child process gets ours
    eventually(lambda: scene.simulator.journal() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    assert (ran.code, ran.out) == (130, "")
    assert "booking: stopped and changed nothing; it is safe to run the audit again" in ran.err
