"""When a hold ends: its time has come or its cause is gone, and then Cal.com can be asked again."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from db.appointments import Appointment, event_types, events, queue
from db.lifecycle import HoldReason, Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS

# As the column has them: what is in line has the reason of those before it.
RELEASED = [reason for reason in HoldReason if reason not in {HoldReason.SUSPECT, HoldReason.IN_LINE}]


def ago(seconds: float) -> timedelta:
    """Name a moment in the past, for Record.write."""
    return timedelta(seconds=-seconds)


def ahead(seconds: float) -> timedelta:
    """Name a moment in the future, for Record.write."""
    return timedelta(seconds=seconds)


def held(record: Any, reason: HoldReason, **columns: Any) -> Appointment:
    """Make a row that has been held for a while."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.write(row.id, **{"hold_reason": reason, "held_at": ago(10), **columns})
    return record.read(row.id)


def told(record: Any, event_type: str, *, key: str = "key", sight: bool) -> None:
    """Let Cal.com tell what a key sees of an event type."""
    with record.engine.begin() as conn:
        shown = event_types.ShownType(policy_kind=event_types.EventKind.PLAIN, personal=True, sight=sight)
        event_types.keep(conn, key, event_type, shown)


def release(record: Any, limit: int = 10, *, key_works: bool = False, settings_work: bool = False) -> list[int]:
    """Release what is due for today's key `key` and today's settings `set`."""
    today = {"key": "key", "settings": "set", "key_works": key_works, "settings_work": settings_work}
    return [row.id for row in record.sweep(queue_sweeps.release_due, BOOKINGS, limit=limit, **today)]


@pytest.mark.parametrize("reason", [HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.SETTLING])
def test_a_hold_whose_time_has_come_goes(record: Any, reason: HoldReason) -> None:
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
        (HoldReason.BLIND_KEY, {"held_for": "key", "hold_until": ahead(60)}),
    ],
)
def test_a_hold_whose_cause_stands_stays(record: Any, reason: HoldReason, columns: dict[str, Any]) -> None:
    """Not before its time, not with the same key or settings, and never a suspect."""
    held(record, reason, **columns)

    assert release(record) == []


@pytest.mark.parametrize("reason", [HoldReason.CREDENTIALS, HoldReason.BLIND_KEY, HoldReason.CONFIGURATION])
def test_another_key_or_other_settings_end_a_hold(record: Any, reason: HoldReason) -> None:
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
def test_sight_gained_since_ends_blindness_for_that_event_type(record: Any, event_type: Any) -> None:
    """SQL spells the event type as the code does, or a booking would be held for ever."""
    row = held(record, HoldReason.BLIND_KEY, held_for="key", hold_until=ahead(60), **event_type)
    held(record, HoldReason.BLIND_KEY, held_for="key", hold_until=ahead(60), event_type_id=999)

    told(record, row.event_type, sight=True)

    assert release(record) == [row.id]


def test_blindness_stays_while_nothing_new_is_known(record: Any) -> None:
    """Not by another key's sight, or a number that was learnt; nothing circles."""
    row = held(record, HoldReason.BLIND_KEY, held_for="key", hold_until=ahead(60))
    told(record, row.event_type, sight=False)
    told(record, row.event_type, key="other", sight=True)
    with record.engine.begin() as conn:
        event_types.learn_id(conn, "key", row.event_type, 101)
    assert release(record) == []

    told(record, row.event_type, sight=True)
    record.write(row.id, held_at=ahead(1))

    assert release(record) == []


def test_a_blind_key_is_looked_for_when_its_time_comes(record: Any) -> None:
    """Whatever a look finds confirms it; each look has its own time."""
    row = held(record, HoldReason.BLIND_KEY, held_for="key", hold_until=ago(1))
    held(record, HoldReason.BLIND_KEY, held_for="key", hold_until=ahead(60))

    assert release(record) == [row.id]


class TestSuspects:
    """A suspect is looked for each hour and never let go: it may be the booking that breaks what books it."""

    UNKNOWN: ClassVar[dict[str, Any]] = {"outcome_unknown": True, "sent_at": ago(99), "settle_at": ago(9)}

    def due(self, record: Any) -> list[int]:
        """Return whom the sweeper looks for now."""
        return [row.id for row in record.sweep(queue_sweeps.suspects_due, BOOKINGS, 10, again_seconds=3600)]

    def test_it_is_looked_for_at_once_and_then_each_hour(self, record: Any) -> None:
        """Its next turn is written before anybody looks."""
        row = held(record, HoldReason.SUSPECT, **self.UNKNOWN)

        assert self.due(record) == [row.id]
        assert self.due(record) == []

        now = record.read(row.id)
        assert (now.status, now.hold_reason, now.held_at) == (Status.HELD, HoldReason.SUSPECT, row.held_at)
        assert now.hold_until == now.updated_at + timedelta(hours=1)
        record.write(row.id, hold_until=ago(1))
        assert self.due(record) == [row.id]

    def test_its_time_does_not_let_it_go(self, record: Any) -> None:
        """Only an operator does, or what a look finds."""
        held(record, HoldReason.SUSPECT, hold_until=ago(1), **self.UNKNOWN)

        assert release(record) == []

    def test_what_is_known_not_to_be_booked_is_not_looked_for(self, record: Any) -> None:
        """Its probes failed, and nothing of it is at Cal.com; other holds have their own times."""
        held(record, HoldReason.SUSPECT)
        held(record, HoldReason.SETTLING, hold_until=ago(1), **self.UNKNOWN)

        assert self.due(record) == []


@pytest.mark.parametrize("reason", RELEASED)
def test_from_its_release_on_cal_com_can_be_asked_again(record: Any, reason: HoldReason) -> None:
    """Where it could not be asked in the hold the time begins again; else it goes on, for the look was free to ask."""
    unknown = {"outcome_unknown": True, "sent_at": ago(200), "settle_at": ago(1), "askable_since": ago(150)}
    row = held(record, reason, held_for="key", hold_until=ago(1), **unknown)

    release(record, key_works=True)

    released = record.read(row.id)
    anew = reason not in {HoldReason.SETTLING, HoldReason.BLIND_KEY, HoldReason.UNREACHABLE}
    assert released.askable_since == (released.updated_at if anew else row.askable_since)


@pytest.mark.parametrize("reason", RELEASED)
def test_what_is_known_has_no_time_in_which_it_can_be_asked(record: Any, reason: HoldReason) -> None:
    """Only an unknown outcome is asked about."""
    row = held(record, reason, held_for="other", hold_until=ago(1), settle_at=ago(1))

    release(record)

    assert (record.read(row.id).status, record.read(row.id).askable_since) == (Status.PENDING, None)


@pytest.mark.parametrize("unknown", [True, False])
@pytest.mark.parametrize("reason", queue.PACED)
def test_the_paced_release_begins_that_time_as_well(record: Any, reason: HoldReason, unknown: Any) -> None:
    """Who waited in line for the breaker or the limit could not be asked about either."""
    row = held(record, reason, outcome_unknown=unknown, sent_at=ago(200), settle_at=ago(1))

    [released] = record.sweep(queue_sweeps.release_these, BOOKINGS, [row.id])

    assert released.askable_since == (released.updated_at if unknown else None)


def test_the_first_in_the_line_goes_first(record: Any) -> None:
    """Order is the place in the line, whatever the reason and whenever it was held."""
    reasons = [HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.CREDENTIALS]
    rows = [held(record, reason, held_for="other", hold_until=ago(1)) for reason in reasons]
    for place, row in enumerate(reversed(rows)):
        record.write(row.id, line_at=ago(100 - place))

    assert release(record, limit=2) == [rows[2].id, rows[1].id]


def test_an_unknown_outcome_stays_unknown(record: Any) -> None:
    """What was held to settle is looked at, not posted."""
    columns = {"outcome_unknown": True, "sent_at": ago(200), "settle_at": ago(1), "hold_until": ago(1)}
    row = held(record, HoldReason.SETTLING, **columns)

    release(record)

    assert record.read(row.id).outcome_unknown


def test_the_story_tells_what_it_was_held_for(record: Any) -> None:
    """The row forgets its hold, the story does not."""
    row = held(record, HoldReason.THROTTLED, hold_until=ago(1))

    release(record)

    with record.engine.connect() as conn:
        [event] = events.timeline(conn, row.id)
    assert (event.kind, event.by, event.detail["held"]) == ("pending", "sweeper", "throttled")
