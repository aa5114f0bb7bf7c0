"""What an idle deployment does not do, done again; and what it must see all the same, passed over."""

from functools import partial

from tests.mutation.breakage import Breakage

_DUE = "tests/integration/test_due.py::"
_STARTED = f"{_DUE}test_a_task_is_started_as_soon_as_it_has_something_to_do"
_WATCH = "tests/unit/incidents/test_alert_heartbeat.py::test_the_watch_sleeps_until_beat_may_be_dead"
_look = partial(Breakage, promise=4, file="db/sql/due.sql")
_start = partial(Breakage, promise=4, file="tasks/ticks/due.py")
_work = partial(Breakage, promise=4, file="tasks/ticks/work.py")
_watch = partial(Breakage, promise=6, file="worker/heartbeat.py")

IDLE = (
    _look(
        name="held-changes-passed-over",
        old="(SELECT id FROM booking_changes WHERE status = 'held' ORDER",
        new="(SELECT id FROM booking_changes WHERE false ORDER",
        test=f"{_STARTED}[a held change]",
    ),
    _look(
        name="tried-again-and-passed-over",
        old="FROM appointments WHERE status IN ('pending', 'retrying')",
        new="FROM appointments WHERE status = 'pending'",
        test=f"{_STARTED}[a booking that is tried again]",
    ),
    _look(
        name="changes-without-a-turn-passed-over",
        old="WHERE status = 'waiting'",
        new="WHERE false",
        test=f"{_STARTED}[a change that waits for its turn]",
    ),
    _look(
        name="lost-changes-passed-over",
        old="FROM booking_changes WHERE status = 'changing'",
        new="FROM booking_changes WHERE false",
        test=f"{_STARTED}[a change's lost lease]",
    ),
    _work(
        name="wishes-passed-over",
        old=" or look.stored.wished",
        new="",
        test=f"{_STARTED}[a wish]",
    ),
    _work(
        name="open-without-end-while-nothing-is-held",
        old="look.stored.held or not look.closed",
        new="look.stored.held",
        test=f"{_DUE}test_an_open_breaker_is_released_from_though_nothing_is_held",
    ),
    _start(
        name="missed-overrides-passed-over",
        old="overridden=stored.overridden",
        new="overridden=False",
        test=f"{_DUE}test_an_override_that_redis_has_missed_is_obeyed_at_the_next_look",
    ),
    _start(
        name="breakers-of-others-passed-over",
        old="deps.services.in_use() if stored.several_accounts else (deps.services.own,)",
        new="(deps.services.own,)",
        test=f"{_DUE}test_a_look_where_there_are_several_accounts_sees_each_of_their_services",
    ),
    _start(
        name="sweeps-of-nothing",
        old="if work.is_due(look) and periods",
        new="if periods",
        test=f"{_STARTED}[nothing]",
    ),
    _work(
        name="sweeps-at-each-look",
        old="now - begun < work.every - EARLY",
        new="now < begun",
        test=f"{_DUE}test_what_is_started_is_in_the_queue_as_a_tick_of_its_period",
    ),
    _start(
        name="accounts-read-at-each-look",
        old="deps.services.in_use() if stored.several_accounts else (deps.services.own,)",
        new="deps.services.in_use()",
        test=f"{_DUE}test_an_idle_second_is_one_statement",
    ),
    _watch(
        name="beat-watched-each-second",
        old="MISSED * beat.every - beat.age)",
        new="0.0)",
        test=f"{_WATCH}[0.2-5.0-5.0]",
    ),
    _watch(
        name="asleep-when-beat-is-dead",
        old="return min(max(beat.every / CHECKS, MISSED * beat.every - beat.age), beat.every, EVERY)",
        new="return min(beat.every, EVERY)",
        test=f"{_WATCH}[11.5-5.0-3.5]",
    ),
)
