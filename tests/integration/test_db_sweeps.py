"""What the sweeper takes up: lost leases, due holds, slots that came too near; each row by one sweeper."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from db import appointments, events, visibility
from db.appointments import Appointment
from db.lifecycle import HoldReason, Status


def ago(seconds: float) -> timedelta:
    """Name a moment in the past, for Record.write."""
    return timedelta(seconds=-seconds)


def ahead(seconds: float) -> timedelta:
    """Name a moment in the future, for Record.write."""
    return timedelta(seconds=seconds)


def lose(record: Any, row: Appointment) -> Appointment:
    """Let a claimed row's lease run out and take it up."""
    record.write(row.id, lease_expires_at=ago(10))
    [lost] = record.sweep(appointments.lost_leases, 10, settle_seconds=130)
    return lost


def held(record: Any, reason: HoldReason, **columns: Any) -> Appointment:
    """Make a held row."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.write(row.id, hold_reason=reason, **columns)
    return record.read(row.id)


def release(record: Any, limit: int = 10) -> list[int]:
    """Release what is due for today's key `key` and today's settings `set`."""
    return [row.id for row in record.sweep(appointments.release_due, key="key", settings="set", limit=limit)]


class TestLostLeases:
    """A worker that is gone may have booked: its row is looked at, never just posted again."""

    def test_the_outcome_is_unknown_until_the_settle_time_after_the_lease(self, record: Any) -> None:
        """The last byte may have been sent as late as the lease's end."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(10))
        ended_at = record.read(row.id).lease_expires_at

        [lost] = record.sweep(appointments.lost_leases, 10, settle_seconds=130)

        assert lost == record.read(row.id)
        assert (lost.status, lost.outcome_unknown, lost.leases_lost) == (Status.RETRYING, True, 1)
        assert (lost.claim_token, lost.lease_expires_at, lost.next_attempt_at) == (None, None, None)
        assert (lost.sent_at, lost.settle_at) == (ended_at, ended_at + timedelta(seconds=130))
        assert lost.enqueued_at == lost.updated_at

    def test_an_earlier_unknown_answer_keeps_its_moment_and_the_later_settle_time(self, record: Any) -> None:
        """Of two settle times the later one counts; a lease lost while looking does not shorten the wait."""
        row = record.claimed()
        record.write(row.id, outcome_unknown=True, sent_at=ago(60), settle_at=ahead(3600), looks=2)
        before = record.read(row.id)

        lost = lose(record, row)

        assert (lost.sent_at, lost.settle_at, lost.looks) == (before.sent_at, before.settle_at, 0)

    def test_a_lease_that_runs_is_left_alone(self, record: Any) -> None:
        """A worker at work is not disturbed."""
        row = record.claimed()

        assert record.sweep(appointments.lost_leases, 10, settle_seconds=130) == []
        assert record.read(row.id) == row

    def test_the_third_lease_lost_in_a_row_is_suspect(self, record: Any) -> None:
        """A booking that kills workers waits for the operator, its outcome still unknown."""
        row = record.keep()
        for _ in range(3):
            lost = lose(record, record.claim(row.id))

        assert (lost.status, lost.hold_reason, lost.leases_lost) == (Status.HELD, HoldReason.SUSPECT, 3)
        assert (lost.outcome_unknown, lost.hold_until, lost.held_at) == (True, None, lost.updated_at)

    def test_any_answer_starts_the_count_again(self, record: Any) -> None:
        """Three lost leases with an answer in between are bad luck, not a poisonous booking."""
        row = record.keep()
        lose(record, record.claim(row.id))
        lose(record, record.claim(row.id))
        record.move(record.claim(row.id), Status.RETRYING, leases_lost=0)

        assert lose(record, record.claim(row.id)).status is Status.RETRYING

    def test_the_threshold_is_the_callers(self, record: Any) -> None:
        """With a threshold of one the first lost lease is suspect."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(1))

        [lost] = record.sweep(appointments.lost_leases, 10, settle_seconds=130, suspect_after=1)

        assert lost.hold_reason is HoldReason.SUSPECT

    def test_the_story_tells_it(self, record: Any) -> None:
        """`booking show` can say why a booking was looked at."""
        lost = lose(record, record.claimed())

        with record.engine.connect() as conn:
            [event] = events.story(conn, lost.id)
        assert (event.kind, event.by, event.detail["leases_lost"]) == ("retrying", "sweeper", 1)

    def test_a_worker_that_is_just_writing_goes_first(self, record: Any) -> None:
        """An answer that is being committed while the lease ends is not overwritten."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(1))

        with record.engine.begin() as worker:
            appointments.move(
                worker, row.id, Status.BOOKING, Status.CONFIRMED, token=row.claim_token, calcom_booking_uid="uid"
            )
            assert record.sweep(appointments.lost_leases, 10, settle_seconds=130) == []

        assert record.read(row.id).status is Status.CONFIRMED


class TestReleaseDue:
    """A hold ends when its time has come or its cause is gone, and not before."""

    @pytest.mark.parametrize("reason", [HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.SETTLING])
    def test_a_hold_whose_time_has_come_goes(self, record: Any, reason: HoldReason) -> None:
        """The row is pending, its hold is gone, and its message counts as enqueued."""
        row = held(record, reason, hold_until=ago(1), settle_at=ago(1))

        assert release(record) == [row.id]

        released = record.read(row.id)
        assert (released.status, released.enqueued_at) == (Status.PENDING, released.updated_at)
        assert (released.hold_reason, released.held_at, released.hold_until) == (None, None, None)

    @pytest.mark.parametrize(
        ("reason", "columns"),
        [
            (HoldReason.THROTTLED, {"hold_until": ahead(60)}),
            (HoldReason.SETTLING, {"hold_until": ahead(60), "settle_at": ahead(60)}),
            (HoldReason.BREAKER_OPEN, {}),
            (HoldReason.SUSPECT, {"held_for": "other"}),
            (HoldReason.CREDENTIALS, {"held_for": "key"}),
            (HoldReason.CREDENTIALS, {}),
            (HoldReason.CONFIGURATION, {"held_for": "set"}),
            (HoldReason.BLIND_KEY, {"held_for": "key"}),
        ],
    )
    def test_a_hold_whose_cause_stands_stays(self, record: Any, reason: HoldReason, columns: dict[str, Any]) -> None:
        """Not before its time, not with the same key or settings, and never a suspect."""
        held(record, reason, **columns)

        assert release(record) == []

    @pytest.mark.parametrize("reason", [HoldReason.CREDENTIALS, HoldReason.BLIND_KEY, HoldReason.CONFIGURATION])
    def test_another_key_or_other_settings_end_a_hold(self, record: Any, reason: HoldReason) -> None:
        """Fingerprints that sort before and after today's are both other ones."""
        rows = [held(record, reason, held_for=fingerprint) for fingerprint in ("aaa", "zzz")]

        assert release(record) == [row.id for row in rows]

    @pytest.mark.parametrize(
        "event_type",
        [
            {},
            {"event_type_id": None, "event_type_slug": "visit", "team_slug": "clinic", "username": None},
            {"event_type_id": None, "event_type_slug": "visit", "username": "ann"},
        ],
    )
    def test_proven_visibility_ends_blindness_for_that_event_type(self, record: Any, event_type: Any) -> None:
        """SQL spells the event type as the code does, or a booking would be held for ever."""
        row = held(record, HoldReason.BLIND_KEY, held_for="key", **event_type)
        held(record, HoldReason.BLIND_KEY, held_for="key", event_type_id=999)

        with record.engine.begin() as conn:
            visibility.prove(conn, "key", row.event_type)

        assert release(record) == [row.id]

    def test_the_oldest_request_goes_first(self, record: Any) -> None:
        """Order is the time of the request, whatever the reason and whenever it was held."""
        reasons = [HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.CREDENTIALS]
        rows = [held(record, reason, hold_until=ago(1)) for reason in reasons]
        for place, row in enumerate(reversed(rows)):
            record.write(row.id, requested_at=ago(100 - place))

        assert release(record, limit=2) == [rows[2].id, rows[1].id]

    def test_an_unknown_outcome_stays_unknown(self, record: Any) -> None:
        """What was held to settle is looked at, not posted."""
        columns = {"outcome_unknown": True, "sent_at": ago(200), "settle_at": ago(1), "hold_until": ago(1)}
        row = held(record, HoldReason.SETTLING, **columns)

        release(record)

        assert record.read(row.id).outcome_unknown

    def test_the_story_tells_what_it_was_held_for(self, record: Any) -> None:
        """The row forgets its hold, the story does not."""
        row = held(record, HoldReason.THROTTLED, hold_until=ago(1))

        release(record)

        with record.engine.connect() as conn:
            [event] = events.story(conn, row.id)
        assert (event.kind, event.by, event.detail["held"]) == ("pending", "sweeper", "throttled")


class TestExpire:
    """A booking whose slot is too near ends, unless it may already stand at Cal.com."""

    @pytest.mark.parametrize("status", [Status.PENDING, Status.HELD, Status.RETRYING])
    def test_a_waiting_booking_ends_at_the_lead(self, record: Any, status: Status) -> None:
        """Its hold goes with it, and the story says why."""
        hold = {"hold_reason": HoldReason.THROTTLED} if status is Status.HELD else {}
        row = record.moved(status, **hold)
        record.write(row.id, start_at=ahead(299))
        later = record.keep()
        record.write(later.id, start_at=ahead(310))

        ended = record.sweep(appointments.expire, lead_seconds=300, limit=10)

        assert [(one.id, one.status, one.hold_reason) for one in ended] == [(row.id, Status.EXPIRED, None)]
        with record.engine.connect() as conn:
            assert [event.kind for event in events.story(conn, row.id)] == ["expired"]

    def test_an_unknown_outcome_is_never_ended(self, record: Any) -> None:
        """It may stand at Cal.com: only a settled look may say that it does not."""
        row = record.keep()
        record.write(row.id, start_at=ago(1), outcome_unknown=True, sent_at=ago(9), settle_at=ahead(99))

        assert record.sweep(appointments.expire, lead_seconds=0, limit=10) == []

    def test_a_claimed_booking_is_left_to_its_worker(self, record: Any) -> None:
        """The worker decides for itself, with its claim in hand."""
        row = record.claimed()
        record.write(row.id, start_at=ago(1))

        assert record.sweep(appointments.expire, lead_seconds=0, limit=10) == []


class TestBlindTypes:
    """Cal.com is asked once for each event type, not once for each booking."""

    def test_one_booking_stands_for_its_event_type(self, record: Any) -> None:
        """The oldest of each type that today's key is blind to."""
        slug = {"event_type_id": None, "event_type_slug": "visit", "username": "ann"}
        rows = [held(record, HoldReason.BLIND_KEY, held_for="key", **more) for more in ({}, {}, slug, slug)]
        held(record, HoldReason.BLIND_KEY, held_for="other", event_type_id=7)
        held(record, HoldReason.SUSPECT, event_type_id=8)

        found = record.sweep(appointments.blind_types, key="key")

        assert sorted(row.id for row in found) == [rows[0].id, rows[2].id]


SWEEPS: list[tuple[str, Callable[[Any, Any], list[Appointment]]]] = [
    ("lost_leases", lambda record, limit: record.sweep(appointments.lost_leases, limit, settle_seconds=130)),
    ("release", lambda record, limit: record.sweep(appointments.release_due, key="key", settings="set", limit=limit)),
    ("expire", lambda record, limit: record.sweep(appointments.expire, lead_seconds=0, limit=limit)),
    ("unsent", lambda record, limit: record.sweep(appointments.unsent, limit, queue_empty=True)),
]


@pytest.mark.parametrize(("name", "sweep"), SWEEPS)
def test_any_number_of_sweepers_take_each_row_once(
    record: Any, name: str, sweep: Callable[[Any, Any], list[Appointment]]
) -> None:
    """Four beats at once share 100 rows, in portions, and none is taken twice or left."""
    states: dict[str, dict[str, Any]] = {
        "lost_leases": {"status": Status.BOOKING, "claim_token": record.new().uuid, "lease_expires_at": ago(1)},
        "release": {
            "status": Status.HELD,
            "hold_reason": HoldReason.THROTTLED,
            "held_at": ago(9),
            "hold_until": ago(1),
        },
        "expire": {"start_at": ago(1)},
        "unsent": {"enqueued_at": None},
    }
    with record.engine.begin() as conn:
        rows = [kept.appointment for kept in appointments.insert(conn, [record.new() for _ in range(100)])]
    for row in rows:
        record.write(row.id, **states[name])
    start = Barrier(4)

    def beat(_number: int) -> list[int]:
        start.wait(10)
        return [row.id for _ in range(30) for row in sweep(record, 10)]

    with ThreadPoolExecutor(4) as beats:
        taken = [row_id for ids in beats.map(beat, range(4)) for row_id in ids]

    assert sorted(taken) == sorted(row.id for row in rows)
