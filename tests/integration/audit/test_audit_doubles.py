"""A proven double of ours is cancelled at Cal.com: that one and nothing else, once, with a record before and after."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.audits import doubles
from db.lifecycle import Status
from tasks.audit.finding import AuditFindingKind
from tasks.audit.survey import mend, survey
from tests.support.audits.scene import SEATS, Scene

TOLD = ["cancelling_double", "double_cancelled"]
CANCEL = {"method": "POST", "path": "/v2/bookings/*"}


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings()
    return Scene(record, simulator)


def test_a_double_is_cancelled_and_the_rows_own_stays(scene: Scene) -> None:
    """Whichever was made first; the second audit finds nothing, and asks for nothing more."""
    first, second = scene.confirmed(), scene.row()
    made = scene.post(second), scene.post(second)
    scene.record.move(scene.record.claim(second.id), Status.CONFIRMED, calcom_booking_uid=made[1]["uid"])
    scene.post(first)
    assert scene.found() == [(AuditFindingKind.TWICE, first.id), (AuditFindingKind.TWICE, second.id)]
    assert [done.ok for _, done in scene.fixed()] == [True, True]
    assert scene.alive(first) == {first.calcom_booking_uid}
    assert scene.alive(second) == {made[1]["uid"]}
    assert (scene.story(first), scene.story(second)) == (TOLD, TOLD)
    assert scene.audit().clean
    assert (scene.fixed(), scene.cancels()) == ([], 2)


def test_of_a_seated_booking_only_the_double_seat_goes(scene: Scene) -> None:
    """The others' seats, and our own, stay; Cal.com is given a reason."""
    row = scene.confirmed(SEATS)
    stranger = scene.confirmed(SEATS, start_at=row.start_at)
    assert stranger.calcom_booking_uid == row.calcom_booking_uid
    scene.post(row, attendee_email="again@example.com")
    assert len(scene.alive(row)) == 2
    assert scene.found() == [(AuditFindingKind.TWICE, row.id)]
    assert [done.ok for _, done in scene.fixed()] == [True]
    assert scene.alive(row) == {row.calcom_seat_uid}
    assert scene.alive(stranger) == {stranger.calcom_seat_uid}
    assert scene.story(row) == TOLD
    assert scene.audit().clean


def test_a_seat_that_is_gone_is_said_and_left(scene: Scene) -> None:
    """It may have been moved to where this list does not reach."""
    row = scene.confirmed(SEATS)
    scene.confirmed(SEATS, start_at=row.start_at)
    seat = {"seatUid": row.calcom_seat_uid, "cancellationReason": "ill"}
    scene.call("POST", f"/v2/bookings/{row.calcom_booking_uid}/cancel", seat)
    assert scene.found() == [(AuditFindingKind.ABSENT, row.id)]
    assert scene.fixed() == []


def test_without_a_uid_of_ours_nobody_can_say_which_is_the_double(scene: Scene) -> None:
    """Nothing is cancelled, nothing recorded: the operator decides."""
    row = scene.row(Status.FAILED)
    uids = {scene.post(row)["uid"] for _ in range(2)}
    [found] = scene.audit().findings
    assert (found.kind, found.fix) == (AuditFindingKind.TWICE, None)
    assert all(uid in found.message for uid in uids)
    assert (scene.fixed(), scene.alive(row), scene.story(row)) == ([], uids, [])


def test_two_times_are_no_proven_double(scene: Scene) -> None:
    """One booking that somebody moved twice lives at two times: not our POST, not ours to cancel."""
    row = scene.confirmed()
    scene.post(row, start_at=row.start_at + timedelta(days=1))
    [found] = scene.audit().findings
    assert (found.kind, found.fix, len(scene.alive(row))) == (AuditFindingKind.TWICE, None, 2)


def test_a_cancelled_one_beside_a_living_one_is_for_the_operator(scene: Scene) -> None:
    """The customer has a booking; whether it should stand is not ours to say."""
    row = scene.confirmed()
    scene.post(row)
    scene.cancel(row.calcom_booking_uid or "")
    [found] = scene.audit().findings
    assert (found.kind, found.fix) == (AuditFindingKind.CANCELLED, None)


def test_what_changes_between_the_list_and_the_order_is_not_touched(scene: Scene) -> None:
    """The customer cancels the first meanwhile: then the double is the one that is left."""
    row = scene.confirmed()
    scene.post(row)
    calls = scene.calls()
    seen = survey(calls, scene.first, scene.last)
    scene.cancel(row.calcom_booking_uid or "")
    [(_, done)] = mend(calls, seen)
    assert not done.ok
    assert "has changed meanwhile: nothing was cancelled" in done.message
    assert (len(scene.alive(row)), scene.story(row)) == (1, [])


def test_the_intent_stands_only_while_the_row_proves_the_double(scene: Scene) -> None:
    """Compare and set: a row that is another's, or cancelled, since it was read, lets nothing be sent."""
    row = scene.confirmed()
    for other in (replace(row, calcom_booking_uid="other"), replace(row, calcom_seat_uid="seat")):
        with scene.record.engine.begin() as conn:
            assert not doubles.intend(conn, other, "double", None, "a double")
    scene.record.move(row, Status.CANCELLED)
    with scene.record.engine.begin() as conn:
        assert not doubles.intend(conn, row, "double", None, "a double")
    assert scene.story(row) == []


@pytest.mark.parametrize("kind", ["commit_then_reset", "cut_json", "commit_then_status"])
def test_an_answer_that_is_lost_is_found_out_by_the_next_audit(scene: Scene, simulator: Any, kind: str) -> None:
    """As after a kill between the call and its record: the intent stands alone, and is completed."""
    row = scene.confirmed()
    scene.post(row)
    named = {"name": "internal"} if kind == "commit_then_status" else {}
    simulator.faults(kind, match=CANCEL, **named)
    [(_, done)] = scene.fixed()
    assert not done.ok
    assert "no clear answer" in done.message
    assert (scene.story(row), scene.alive(row)) == (TOLD[:1], {row.calcom_booking_uid})
    simulator.no_faults()
    assert scene.fixed() == []
    assert (scene.story(row), scene.cancels()) == (TOLD, 1)
    assert scene.fixed() == []
    assert scene.story(row) == TOLD


def test_an_order_that_was_lost_is_given_again(scene: Scene, simulator: Any) -> None:
    """The list still shows the double: that the first order was carried out must not be written down."""
    row = scene.confirmed()
    scene.post(row)
    simulator.faults("reset", match=CANCEL, count=1)
    assert [done.ok for _, done in scene.fixed()] == [False]
    assert [done.ok for _, done in scene.fixed()] == [True]
    assert scene.story(row) == [TOLD[0], *TOLD]


def test_what_cal_com_refuses_to_cancel_is_said_in_its_words(scene: Scene, simulator: Any) -> None:
    """And told in the story; the next audit tries again."""
    row = scene.confirmed()
    scene.post(row)
    words = "This event type does not allow cancellations"
    simulator.faults("status", status=400, shape="B", message=words, count=1, match=CANCEL)
    [(_, done)] = scene.fixed()
    assert (done.ok, words in done.message) == (False, True)
    assert scene.story(row) == ["cancelling_double", "double_not_cancelled"]
    assert [done.ok for _, done in scene.fixed()] == [True]
    assert len(scene.alive(row)) == 1


def test_what_somebody_else_was_faster_to_cancel_counts_as_cancelled(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two audits at once, or the host: Cal.com says that it is gone already."""
    row = scene.confirmed()
    double = scene.post(row)
    intend = doubles.intend

    def overtaken(*arguments: Any, **more: Any) -> bool:
        scene.cancel(double["uid"])
        return intend(*arguments, **more)

    monkeypatch.setattr(doubles, "intend", overtaken)
    assert [done.ok for _, done in scene.fixed()] == [True]
    assert (scene.story(row), scene.alive(row)) == (TOLD, {row.calcom_booking_uid})


def test_a_series_is_one_request(scene: Scene) -> None:
    """A recurring type answers with a booking a week, all with one reference."""
    row = scene.record.claimed(event_type_id=111, start_at=next(scene.starts))
    made = scene.post(row)
    assert len(made) > 1
    scene.record.move(row, Status.CONFIRMED, calcom_booking_uid=made[0]["uid"])
    assert scene.audit().clean
