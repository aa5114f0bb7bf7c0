"""What the sweeper takes up: lost leases, due holds, slots that came too near; each row by one sweeper."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any, ClassVar

import pytest

from db import appointments
from db.appointments import Appointment, events
from db.appointments.there.places import BookedThere
from db.lifecycle import NEVER_KNOWN, HoldReason, Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS


def ago(seconds: float) -> timedelta:
    """Name a moment in the past, for Record.write."""
    return timedelta(seconds=-seconds)


def ahead(seconds: float) -> timedelta:
    """Name a moment in the future, for Record.write."""
    return timedelta(seconds=seconds)


def lose(record: Any, row: Appointment) -> Appointment:
    """Let a claimed row's lease run out and take it up."""
    record.write(row.id, lease_expires_at=ago(10))
    [lost] = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)
    return lost


def held(record: Any, reason: HoldReason, **columns: Any) -> Appointment:
    """Make a held row."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.write(row.id, hold_reason=reason, **columns)
    return record.read(row.id)


class TestLostLeases:
    """A worker that is gone may have booked: its row is looked at, never just posted again."""

    def test_the_outcome_is_unknown_until_the_settle_time_after_the_lease_is_taken_up(self, record: Any) -> None:
        """The last byte may have been sent as late as the lease's end, and by another clock that is just now."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(600))

        [lost] = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)

        assert lost == record.read(row.id)
        assert (lost.status, lost.outcome_unknown, lost.leases_lost) == (Status.RETRYING, True, 1)
        assert (lost.claim_token, lost.lease_expires_at, lost.next_attempt_at) == (None, None, None)
        assert (lost.sent_at, lost.settle_at) == (row.requested_at, lost.updated_at + timedelta(seconds=130))
        assert lost.enqueued_at == lost.updated_at

    def test_absence_may_end_it_only_after_a_replicas_lag_more(self, record: Any) -> None:
        """By default 30 s after the 130 in which a POST may work; from now on Cal.com can be asked."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(10))

        [lost] = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130)

        assert lost.ends_at == lost.updated_at + timedelta(seconds=160)
        assert lost.askable_since == lost.updated_at

    def test_the_time_until_absence_may_end_it_is_the_callers(self, record: Any) -> None:
        """As every time is; the later of two counts."""
        early, late = record.claimed(), record.claimed()
        record.write(early.id, lease_expires_at=ago(10), ends_at=ago(5), askable_since=ago(100))
        record.write(late.id, lease_expires_at=ago(10), ends_at=ahead(3600))
        before = {row.id: record.read(row.id) for row in (early, late)}

        lost = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130, ends_seconds=7)

        ends = {row.id: row.ends_at for row in lost}
        assert ends[early.id] == record.read(early.id).updated_at + timedelta(seconds=7)
        assert ends[late.id] == before[late.id].ends_at
        assert record.read(early.id).askable_since == before[early.id].askable_since  # it can be asked all the time

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

        assert record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130) == []
        assert record.read(row.id) == row

    def test_the_third_lease_lost_in_a_row_is_suspect(self, record: Any) -> None:
        """A booking that kills workers waits for the operator, its outcome still unknown."""
        row = record.keep()
        for _ in range(3):
            lost = lose(record, record.claim(row.id))

        assert (lost.status, lost.hold_reason, lost.leases_lost) == (Status.HELD, HoldReason.SUSPECT, 3)
        assert (lost.outcome_unknown, lost.hold_until, lost.held_at) == (True, None, lost.updated_at)

    def test_bookings_that_lose_their_third_lease_together_blame_their_worker(self, record: Any) -> None:
        """None is suspect. Every second one goes two leases later: the first group is lost by then, if it is."""
        rows = [record.keep() for _ in range(4)]
        for _ in range(3):
            for row in rows:
                record.claim(row.id)
                record.write(row.id, lease_expires_at=ago(1), next_attempt_at=None)
            lost = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130, lease_seconds=50)

        assert {(one.status, one.leases_lost) for one in lost} == {(Status.RETRYING, 3)}
        waits = [one.next_attempt_at and one.next_attempt_at - one.updated_at for one in lost]
        assert sorted(waits, key=bool) == [None, None, timedelta(seconds=100), timedelta(seconds=100)]
        assert [one.enqueued_at is None for one in lost] == [wait is not None for wait in waits]

    @pytest.mark.long
    def test_bookings_that_kill_their_workers_each_time_are_alone_in_the_end(self, record: Any) -> None:
        """Six of them: spread over more leases each time, each dies alone and is suspect."""
        rows = [record.keep() for _ in range(6)]
        lease = timedelta(seconds=50)
        for _ in range(60):
            with record.engine.begin() as conn:
                for row in rows:
                    appointments.claim(conn, row.id, lease_seconds=50)
            for now in [record.read(row.id) for row in rows]:  # a lease passes
                if now.status is Status.BOOKING:
                    record.write(now.id, lease_expires_at=ago(1))
                elif now.status is Status.RETRYING:
                    again = now.next_attempt_at and now.next_attempt_at - lease
                    record.write(now.id, next_attempt_at=again, updated_at=now.updated_at - lease)
            record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130, lease_seconds=50)

        assert {record.read(row.id).hold_reason for row in rows} == {HoldReason.SUSPECT}

    def test_a_lease_of_the_same_worker_that_runs_out_later_is_company_too(self, record: Any) -> None:
        """The leases of one worker end within the time of a lease, and are swept one after another."""
        first, second = rows = [record.keep() for _ in range(2)]
        for row in rows:
            record.write(row.id, leases_lost=2)
            record.claim(row.id)

        ends = []
        for row in rows:
            record.write(row.id, lease_expires_at=ago(1))
            ends += record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130, lease_seconds=50)

        assert [(one.id, one.status) for one in ends] == [(first.id, Status.RETRYING), (second.id, Status.RETRYING)]

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

        [lost] = record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130, suspect_after=1)

        assert lost.hold_reason is HoldReason.SUSPECT

    def test_the_story_tells_it(self, record: Any) -> None:
        """`booking show` can say why a booking was looked at."""
        lost = lose(record, record.claimed())

        with record.engine.connect() as conn:
            [event] = events.timeline(conn, lost.id)
        assert (event.kind, event.by, event.detail["leases_lost"]) == ("retrying", "sweeper", 1)

    def test_a_worker_that_is_just_writing_goes_first(self, record: Any) -> None:
        """An answer that is being committed while the lease ends is not overwritten."""
        row = record.claimed()
        record.write(row.id, lease_expires_at=ago(1))

        with record.engine.begin() as worker:
            appointments.move(
                worker, row.id, Status.BOOKING, Status.CONFIRMED, token=row.claim_token, calcom_booking_uid="uid"
            )
            assert record.sweep(queue_sweeps.lost_leases, BOOKINGS, 10, settle_seconds=130) == []

        assert record.read(row.id).status is Status.CONFIRMED


class TestExpire:
    """A booking whose slot is too near ends, unless it may already stand at Cal.com."""

    @pytest.mark.parametrize("status", [Status.PENDING, Status.HELD, Status.RETRYING])
    def test_a_waiting_booking_ends_at_the_lead(self, record: Any, status: Status) -> None:
        """Its hold goes with it, and the story says why."""
        hold = {"hold_reason": HoldReason.THROTTLED} if status is Status.HELD else {}
        row = record.moved(status, **hold)
        record.write(row.id, start_at=ahead(299))
        later = record.keep()
        record.write(later.id, start_at=ahead(900))

        ended = record.sweep(appointments.expire, lead_seconds=300, limit=10)

        assert [(one.id, one.status, one.hold_reason) for one in ended] == [(row.id, Status.EXPIRED, None)]
        with record.engine.connect() as conn:
            assert [event.kind for event in events.timeline(conn, row.id)] == ["expired"]

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


class TestNeverKnown:
    """A day after its slot nobody can be helped by a look any more: the row says that it was never known."""

    UNKNOWN: ClassVar[dict[str, Any]] = {"outcome_unknown": True, "sent_at": ago(9e5), "settle_at": ago(9e5)}

    def test_a_booking_held_until_a_day_after_its_slot_fails_as_never_known(self, record: Any) -> None:
        """Its settle time stays: it once was unknown. What is found later still confirms it."""
        row = held(
            record, HoldReason.BLIND_KEY, held_for="key", start_at=ago(90_000), end_at=ago(86_401), **self.UNKNOWN
        )

        [ended] = record.sweep(appointments.never_known, 10)

        assert ended == record.read(row.id)
        assert (ended.status, ended.outcome_unknown, ended.hold_reason) == (Status.FAILED, False, None)
        assert (ended.settle_at, ended.sent_at) == (row.settle_at, row.sent_at)
        assert ended.error_type == NEVER_KNOWN
        with record.engine.begin() as conn:
            assert [event.kind for event in events.timeline(conn, row.id)] == ["failed"]
            appointments.record_late_uid(conn, row.id, BookedThere("uid"))
        assert record.read(row.id).status is Status.CONFIRMED

    @pytest.mark.parametrize(
        ("slot", "over"),
        [
            ({"start_at": ago(90_000), "end_at": ago(86_000)}, False),
            ({"start_at": ago(90_000), "length_in_minutes": 59}, True),
            ({"start_at": ago(90_000), "length_in_minutes": 61}, False),
            ({"start_at": ago(2 * 86_400 + 1)}, True),
            ({"start_at": ago(2 * 86_400 - 60)}, False),
        ],
    )
    def test_the_day_begins_at_the_slots_end(self, record: Any, slot: dict[str, Any], over: Any) -> None:
        """As far as it is known; a slot without an end is taken to last a day at most."""
        row = held(record, HoldReason.BLIND_KEY, held_for="key", **slot, **self.UNKNOWN)

        assert [one.id for one in record.sweep(appointments.never_known, 10)] == ([row.id] if over else [])

    def test_other_holds_are_not_its_to_end(self, record: Any) -> None:
        """A suspect, say, is an operator's, however late."""
        for reason in set(HoldReason) - {HoldReason.BLIND_KEY, HoldReason.IN_LINE}:
            held(record, reason, start_at=ago(9e5), hold_until=ahead(1), **self.UNKNOWN)

        assert record.sweep(appointments.never_known, 10) == []


SWEEPS: list[tuple[str, Callable[[Any, Any], list[Appointment]]]] = [
    ("lost_leases", lambda record, limit: record.sweep(queue_sweeps.lost_leases, BOOKINGS, limit, settle_seconds=130)),
    (
        "release",
        lambda record, limit: record.sweep(queue_sweeps.release_due, BOOKINGS, key="key", settings="set", limit=limit),
    ),
    ("never_known", lambda record, limit: record.sweep(appointments.never_known, limit)),
    ("expire", lambda record, limit: record.sweep(appointments.expire, lead_seconds=0, limit=limit)),
    (
        "unsent",  # a slow sweeper finds none that another has sent long enough ago
        lambda record, limit: record.sweep(
            queue_sweeps.unsent, BOOKINGS, limit, queue_empty=True, patience_seconds=3600
        ),
    ),
]


@pytest.mark.variants
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
        "never_known": {
            "status": Status.HELD,
            "hold_reason": HoldReason.BLIND_KEY,
            "held_at": ago(9),
            "start_at": ago(9e5),
        },
        "expire": {"start_at": ago(1)},
        "unsent": {"enqueued_at": None, "created_at": ago(9)},  # moved since: else it is a client's request
    }
    with record.engine.begin() as conn:
        rows = [kept.appointment for kept in appointments.insert(conn, [record.new() for _ in range(100)])]
    for row in rows:
        record.write(row.id, **states[name])
    start = Barrier(4)

    def beat(_number: int) -> list[int]:
        start.wait(60)
        return [row.id for _ in range(30) for row in sweep(record, 10)]

    with ThreadPoolExecutor(4) as beats:
        taken = [row_id for ids in beats.map(beat, range(4)) for row_id in ids]

    assert sorted(taken) == sorted(row.id for row in rows)


class TestSuspects:
    """A suspect is looked for, one turn an hour, and never released by its time."""

    def test_a_turn_is_taken_by_one_sweeper_and_the_next_is_an_hour_later(self, record: Any) -> None:
        """Of unknown outcome, due or never looked for; the others are not asked about."""
        due = held(record, HoldReason.SUSPECT, outcome_unknown=True, sent_at=ago(9), settle_at=ago(5))
        held(record, HoldReason.SUSPECT)

        [taken] = record.sweep(queue_sweeps.suspects_due, BOOKINGS, 10, again_seconds=3600)

        assert taken.id == due.id
        assert record.sweep(queue_sweeps.suspects_due, BOOKINGS, 10, again_seconds=3600) == []
        record.write(due.id, hold_until=ago(1))
        assert record.sweep(queue_sweeps.release_due, BOOKINGS, key="k", settings="s", limit=9) == []
        assert [row.id for row in record.sweep(queue_sweeps.suspects_due, BOOKINGS, 10, again_seconds=3600)] == [due.id]
