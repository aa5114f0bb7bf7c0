"""The audit of a night: silent about a day that is well, one incident of one that is not, calm, and never lost."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from db.audits import nights
from db.lifecycle import Status
from db.models.audits import nightly_audits as table
from db.models.resilience import alert_incidents
from db.monitoring import incidents
from db.monitoring.incidents import Incident, IncidentKind
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.audit.nightly import audit_at_night, audit_night, take_up
from tasks.incidents import check
from tasks.operations import breaker_overrides
from tests.support.audits.days import all_kinds, cut, half_made, refused_midway, told_taken, twice
from tests.support.audits.nights import Night
from tests.support.audits.scene import Scene
from tests.support.fleet import eventually
from worker.schedule import schedule

QUICK = "6000"  # calls a minute: a tenth of them is one each 0.1 s


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)
    return Scene(record, simulator)


@pytest.fixture
def night(scene: Scene, simulator: Any) -> Night:
    """Begin the audit of the night whose first day is the scene's."""
    return Night((scene.first + timedelta(days=4)).date(), simulator)


def ended() -> Any:
    """Return what the newest audit that has ended found."""
    with dependencies.current().engine.connect() as conn:
        return nights.last_ended(conn)


def only(found: list[Incident]) -> Incident:
    """Return the one that there must be."""
    assert len(found) == 1, found
    return found[0]


def told() -> list[Incident]:
    """Check the health, and return the open incidents of audits."""
    check.check()
    with dependencies.current().engine.connect() as conn:
        return incidents.open_incidents(conn, [IncidentKind.AUDIT])


def order(what: str) -> None:
    """Give the breaker an operator's order."""
    deps = dependencies.current()
    breaker_overrides.force(deps.engine, deps.breaker, what, by="ops", why="test", until=None)


def asked(simulator: Any) -> Counter[str]:
    """Count the questions for single bookings."""
    targets = [entry["target"] for entry in simulator.journal() if entry["method"] == "GET"]
    return Counter(target for target in targets if target.startswith("/v2/bookings/"))


def lost_rows(scene: Scene, settings: Callable[..., dict[str, str]], number: int) -> list[int]:
    """Confirm rows whose bookings Cal.com does not have: each must be asked for by itself."""
    rows = [scene.lost().id for _ in range(number)]
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)
    return rows


@pytest.mark.variants
@pytest.mark.parametrize("key", ["owner", "host4", "blind"])
def test_a_healthy_day_of_all_kinds_tells_nothing(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, key: str
) -> None:
    """Whatever the key is shown."""
    all_kinds(scene)
    settings(CALCOM_API_KEY=f"cal_test_{key}", CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)
    assert night.go_on()
    assert (ended().findings, ended().unfinished, told()) == ({}, None, [])


@pytest.mark.long
def test_a_day_with_faults_is_one_incident_that_names_each(scene: Scene, night: Night) -> None:
    """By kind, how many, and the first; told once, and over when a later night has ended well."""
    all_kinds(scene)
    lost, gone = scene.lost(), scene.confirmed()
    scene.cancel(gone.calcom_booking_uid or "")
    taken, half, short, double = told_taken(scene), half_made(scene), cut(scene), twice(scene)
    midway = refused_midway(scene)
    made = scene.post(scene.record.new(start_at=next(scene.starts), event_type_id=110))
    assert night.go_on()

    incident = only(told())
    words = [
        f"2 there, not here (first {min(taken.id, midway.id)})",
        f"1 confirmed here, absent there (first {lost.id})",
        f"1 cancelled there (first {gone.id})",
        f"1 there twice (first {double.id})",
        f"1 only some weeks there (first {short.id})",
        f"1 half made there (first {half.id})",
    ]
    for each in words[1:]:
        assert each in incident.title, incident.title
    assert f"3 there, not here (first {min(taken.id, midway.id)})" in incident.title
    assert (incident.occurrences, incident.news) == (8, 1)
    first_day = night.night - timedelta(days=1)
    assert f"`booking audit --from {first_day} --to {night.night}`" in incident.message
    assert made["uid"] not in incident.message
    assert [one.id for one in told()] == [incident.id]

    later = Night(night.night + timedelta(days=17), night.simulator)  # a series has no week then
    assert later.go_on()
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(alert_incidents).values(last_seen_at=func.now() - timedelta(minutes=1)))
    assert told() == []


@pytest.mark.long
def test_its_calls_stay_within_a_tenth_of_the_limit(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night
) -> None:
    """In any minute; a key that lists nothing needs a call a booking, and takes its time."""
    for _ in range(20):
        scene.confirmed()
    settings(CALCOM_API_KEY="cal_test_blind", CALCOM_RATE_LIMIT_PER_MINUTE="120")
    night.on_pause = lambda: dependencies.current().breaker.reset(by="test", why="time passes")
    assert night.go_on()
    assert len(night.sent) > 20
    assert max(night.sent) - min(night.sent) > 60
    assert night.most_in(60) <= 12
    assert min(night.gaps()) >= 5
    assert (ended().findings, ended().unfinished) == ({}, None)


@pytest.mark.variants
@pytest.mark.parametrize("ours", ["100000", "0"])
def test_a_limit_of_our_own_that_says_nothing_leaves_cal_coms(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any, ours: str
) -> None:
    """No limit of our own, or one that is never reached: of what Cal.com tells that it allows bookings need most."""
    for _ in range(12):
        scene.confirmed()
    settings(CALCOM_API_KEY="cal_test_blind", CALCOM_RATE_LIMIT_PER_MINUTE=ours)
    simulator.settings(rate_limit=60)
    assert night.go_on()
    assert len(night.sent) > 12
    assert night.most_in(60) <= 6 + 1  # the first call tells it
    assert (ended().findings, ended().unfinished) == ({}, None)


def test_an_outage_in_the_middle_stops_it_and_it_goes_on_where_it_was(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any
) -> None:
    """Nothing is sent while the breaker is not closed, and no booking is asked for twice."""
    rows = lost_rows(scene, settings, 12)

    def break_down() -> None:
        if sum(asked(simulator).values()) == 5:
            order("open")

    night.on_pause = break_down
    assert night.go_on()
    sent = len(simulator.journal())
    assert (ended(), sum(asked(simulator).values())) == (None, 5)
    for shut in ("open", "off"):
        order(shut)
        night.on_pause = lambda: None
        eventually(night.go_on)
        assert (ended(), len(simulator.journal())) == (None, sent)

    deps = dependencies.current()
    breaker_overrides.reset(deps.engine, deps.breaker, by="ops", why="Cal.com is back")
    assert dependencies.current().breaker.get_status().state is State.CLOSED
    eventually(night.go_on)
    assert sorted(ended().findings["absent_there"]) == rows
    # Each of them twice: what is found is looked for once more before it is told. The one in whose middle it stopped
    # is begun again.
    assert sorted(Counter(asked(simulator).values()).items()) in ([(2, 12)], [(2, 11), (3, 1)])


@pytest.mark.long
def test_one_that_is_killed_is_taken_up_by_another(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any
) -> None:
    """Once its lease has run out; of two at once one has it."""
    rows = lost_rows(scene, settings, 25)

    def die() -> None:
        if sum(asked(simulator).values()) >= 44:
            raise KeyboardInterrupt

    night.on_pause = die
    with pytest.raises(KeyboardInterrupt):
        night.go_on()
    assert (ended(), night.take()) == (None, None)
    with dependencies.current().engine.begin() as conn:
        assert len(conn.execute(select(table.c.asked)).scalar_one()) == 20
        conn.execute(update(table).values(lease_expires_at=func.now()))
    night.on_pause = lambda: None
    assert night.go_on()
    assert sorted(ended().findings["absent_there"]) == rows
    assert sum(asked(simulator).values()) <= 2 * 25 + 4


def test_who_has_lost_it_sends_and_writes_nothing_more(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any
) -> None:
    """A process that was frozen while another went on."""
    lost_rows(scene, settings, 3)
    stale = night.take()
    assert stale is not None
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).values(lease_expires_at=func.now()))
    fresh = night.take()
    assert fresh is not None
    before = len(simulator.journal())
    audit_night(night.calls(stale), stale)
    assert (len(simulator.journal()), ended()) == (before, None)
    audit_night(night.calls(fresh), fresh)
    assert len(ended().findings["absent_there"]) == 3


def test_what_has_moved_on_meanwhile_is_no_finding(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any
) -> None:
    """An audit at a tenth of the limit takes its time: it judges a booking as it is when its turn has come."""
    row, other = scene.lost(), scene.lost()
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)

    def cancel_here() -> None:
        if simulator.journal():
            scene.record.write(other.id, status=Status.CANCELLED, updated_at=timedelta(minutes=-5))

    night.on_pause = cancel_here
    assert night.go_on()
    assert ended().findings == {"absent_there": [row.id]}


def test_what_is_found_is_looked_for_once_more_before_it_is_told(
    settings: Callable[..., dict[str, str]], scene: Scene, night: Night, simulator: Any
) -> None:
    """Cal.com's list of a whole day is minutes old, and people go on cancelling and moving."""
    row, still = scene.confirmed(), twice(scene)
    double = scene.post(row)
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)
    cancelled = []

    def cancel_there() -> None:
        if simulator.journal() and night.sent and not cancelled:
            scene.cancel(double["uid"])
            cancelled.append(double)

    night.on_pause = cancel_there
    assert night.go_on()
    assert (len(cancelled), ended().findings) == (1, {"twice_there": [still.id]})


def test_a_list_that_cannot_be_read_is_told_in_the_end(scene: Scene, night: Night, simulator: Any) -> None:
    """After pauses that grow: silence would be taken for a clean night."""
    scene.confirmed()
    simulator.faults("cut_json", match={"method": "GET", "path": "/v2/bookings"})
    for _ in range(6):
        assert (night.go_on(), night.go_on()) == (True, False)
        with dependencies.current().engine.begin() as conn:
            conn.execute(update(table).values(next_at=func.now()))
    assert not night.go_on()
    incident = only(told())
    assert incident.title.startswith(
        "The audit of the night found: nothing, but it could not be finished: Cal.com's list could not be read"
    )


def test_what_cannot_be_told_is_asked_again_and_then_said(scene: Scene, night: Night, simulator: Any) -> None:
    """It is no clean bill."""
    row = scene.lost()
    simulator.faults("status", name="internal", match={"method": "GET", "path": f"/v2/bookings/lost-{row.id}"})
    for _ in range(6):
        assert (ended(), night.go_on()) == (None, True)
        with dependencies.current().engine.begin() as conn:
            conn.execute(update(table).values(next_at=func.now()))
    assert ended().findings == {"cannot_tell": [row.id]}
    assert "(first" in told()[0].title


def test_it_is_due_once_a_night_from_its_hour_on(scene: Scene) -> None:
    """Where there was a booking before it; never while Redis or the breaker says no; the one before is given up."""
    deps, hour = dependencies.current(), datetime.now(UTC).hour
    row = scene.row()
    with deps.engine.begin() as conn:
        assert nights.take_up(conn, hour, lease_seconds=60) is None, "nothing was asked for before it"
    scene.record.write(row.id, requested_at=timedelta(days=-2))
    order("open")
    assert take_up(deps, hour) is None
    breaker_overrides.reset(deps.engine, deps.breaker, by="ops", why="test")
    taken = take_up(deps, hour)
    assert taken is not None
    assert taken.end - taken.start == timedelta(days=2)
    assert taken.start <= datetime.now(UTC) - timedelta(hours=23) < taken.end
    assert take_up(deps, hour) is None
    with deps.engine.begin() as conn:
        nights.begin(conn, taken.night + timedelta(days=1))
    assert (ended().night, ended().unfinished) == (taken.night, "the next one was due")


def test_a_tick_audits_on_a_thread_of_its_own(scene: Scene) -> None:
    """It returns at once; today's and yesterday's bookings are compared, and no others."""
    now = datetime.now(UTC)  # of the night that began with this day, also once the next has begun
    days = [scene.lost(start_at=now + timedelta(days=ahead)).id for ahead in (-2, -1, 0, 1)]
    scene.record.write(days[0], requested_at=timedelta(days=-2))
    assert audit_at_night(now.hour)
    eventually(ended, what="the audit of the night")
    assert ended().findings == {"absent_there": days[1:3]}
    assert not audit_at_night(now.hour)


def test_without_an_hour_there_is_none() -> None:
    """AUDIT_HOUR is empty: beat sends nothing."""
    assert "audit-at-night" not in schedule(None)
    assert schedule(0)["audit-at-night"]["kwargs"] == {"hour": 0}


def test_what_was_mended_by_hand_is_no_incident_any_more(scene: Scene, night: Night) -> None:
    """Over days that hold the night's two; fewer say nothing of it."""
    scene.lost()
    assert night.go_on()
    assert len(told()) == 1
    day, first = timedelta(days=1), scene.first + 3 * timedelta(days=1)
    for start, end, left in ((first + day, first + 2 * day, 1), (first, first + 2 * day, 0)):
        with dependencies.current().engine.begin() as conn:
            nights.mended(conn, start, end)
            conn.execute(update(alert_incidents).values(last_seen_at=func.now() - timedelta(minutes=1)))
        assert len(told()) == left
