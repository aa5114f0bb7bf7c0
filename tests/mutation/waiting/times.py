"""The rule of one time, each part of it taken away: then who asked later is tried first, or waits for nobody."""

from functools import partial

from tests.mutation.breakage import Breakage

_TIMES = "tests/integration/line/test_db_times.py::"
_AHEAD = "tests/integration/api/doors/test_who_is_ahead.py::"
_HEARS = f"{_AHEAD}test_who_asks_for_a_time_after_another_one_hears_so_while_that_one_may_get_it[plain]"
_FREE = "tests/promises/asking/test_free_slots.py::"
_OFFERED = f"{_FREE}test_a_time_that_somebody_asked_for_is_not_offered_where_one_may_have_it"
_RULE = f"{_TIMES}test_every_dealt_queue_of_one_type_goes_by_the_rule"
_GOT = "tests/integration/line/test_db_taken.py::"
_WAITS = f"{_GOT}test_who_does_not_wait_for_that_time_in_the_line_is_not_ended"
_ONLY = "tests/integration/api/doors/test_only_if_first.py::"
_REFUSED = f"{_ONLY}test_who_wants_a_time_only_as_the_first_is_refused_while_another_one_may_get_it"
_before = partial(Breakage, promise=4, file="db/migrations/initial/times.sql")
_types = partial(Breakage, promise=4, file="db/migrations/initial/event_types.sql")
_waiting = partial(Breakage, promise=4, file="db/sql/waiting.sql")
_these = partial(Breakage, promise=4, file="db/sql/release_these.sql")
_taken = partial(Breakage, promise=4, file="db/sql/taken.sql")
_free = partial(Breakage, promise=4, file="tasks/slots/free.py")
_insertion = partial(Breakage, promise=4, file="client/booking_client/insertion.py")
_insert = partial(Breakage, promise=4, file="client/booking_client/sql/insert.sql")
_not_first = partial(Breakage, promise=4, file="client/booking_client/sql/not_first.sql")

TIMES = (
    _before(
        name="a-time-goes-to-who-asked-later",
        old="AND (first.line_at, first.id) < (place, booking)",
        new="AND (first.line_at, first.id) > (place, booking)",
        test=_RULE,
    ),
    _before(
        name="a-time-is-of-all-event-types",
        old="booking)\n            AND (first.event_type_id, first.event_type_slug,",
        new="booking)\n            AND (own.event_type_id, own.event_type_slug,",
        test=_RULE,
    ),
    _before(
        name="a-time-is-its-start-alone",
        old="OR first.start_at < wanted + length",
        new="OR false",
        test=_RULE,
    ),
    _before(
        name="who-wants-a-time-waits-for-who-does-not-any-more",
        old="    AND NOT booking.cancel_requested AND NOT booking.move_requested\n",
        new="",
        test=f"{_TIMES}test_who_waits_for_a_time_is_let_go_when_the_first_is_not_on_the_way_any_more",
    ),
    _before(
        name="who-wants-a-time-waits-for-a-probe-that-always-fails",
        old=" AND first.probe_failures < 2",
        new="",
        test=f"{_TIMES}test_a_failed_probe_takes_those_who_want_its_time_behind_with_it_once",
    ),
    _before(
        name="who-wants-a-time-waits-for-what-a-person-ends",
        old="        booking.status <> 'held'\n",
        new="        true\n",
        test=_RULE,
    ),
    _before(
        name="a-time-whose-first-is-unclear-is-given-away",
        old="OR booking.hold_reason IN ('settling', 'unreachable') AND",
        new="OR false AND",
        test=_RULE,
    ),
    _before(
        name="a-move-claims-no-time",
        old="WHERE move.kind = 'reschedule' AND",
        new="WHERE false AND move.kind = 'reschedule' AND",
        test=f"{_TIMES}test_a_booking_waits_for_a_move_to_its_time[False]",
    ),
    _before(
        name="a-move-of-a-sick-endpoint-holds-its-time",
        old="AND (move.status <> 'held' OR move.held_for = 'line')",
        new="",
        test=f"{_TIMES}test_a_booking_waits_for_a_move_to_its_time[True]",
    ),
    Breakage(
        name="a-move-passes-those-who-asked-before",
        promise=4,
        file="db/sql/change_line.sql",
        old="hold_reason = 'throttled'\n         AND NOT (:postable AND (outcome_unknown OR kind = 'reschedule'))"
        " AND kind = ANY (CAST(:kinds AS text[]))\n         AND NOT (kind = 'reschedule' AND",
        new="hold_reason = 'throttled'\n         AND NOT (:postable AND (outcome_unknown OR kind = 'reschedule'))"
        " AND kind = ANY (CAST(:kinds AS text[]))\n         AND NOT (false AND",
        test=f"{_TIMES}test_a_move_waits_for_a_booking_of_its_wanted_time",
    ),
    _waiting(
        name="the-line-gives-a-time-away-at-the-limit",
        old="AND NOT (:postable AND outcome_unknown) AND probe_failures = 0\n             AND NOT (ahead > 0 AND",
        new="AND NOT (:postable AND outcome_unknown) AND probe_failures = 0\n             AND NOT (false AND",
        test=_RULE,
    ),
    _waiting(
        name="the-line-gives-a-time-away-at-the-breaker",
        old="             )\n             AND NOT (ahead > 0 AND",
        new="             )\n             AND NOT (false AND",
        test=_RULE,
    ),
    _waiting(
        name="the-rest-of-the-line-gives-a-time-away",
        old="OR probe_failures > 0)\n            AND NOT (ahead > 0 AND",
        new="OR probe_failures > 0)\n            AND NOT (false AND",
        test=_RULE,
    ),
    _these(
        name="two-of-one-time-are-let-go-at-once",
        old="SELECT * FROM named WHERE NOT stays",
        new="SELECT * FROM named",
        test=f"{_TIMES}test_of_two_that_are_let_go_at_once_for_one_time_the_first_goes",
    ),
    _these(
        name="who-met-another-server-waits-for-a-time",
        old="hold_reason <> 'configuration' AND /* waits for others */ AS stays",
        new="/* waits for others */ AS stays",
        test=f"{_TIMES}test_who_met_another_server_is_tried_though_others_asked_before",
    ),
    Breakage(
        name="the-line-forgets-whom-it-passed-over",
        promise=4,
        file="db/queue/kinds.py",
        old="SET ahead = 1 FROM named",
        new="SET ahead = 0 FROM named",
        test=f"{_TIMES}test_of_two_that_are_let_go_at_once_for_one_time_the_first_goes",
    ),
    _insert(
        name="nobody-counts-who-asked-before",
        old="                LIMIT 99\n",
        new="                LIMIT 0\n",
        test=f"{_TIMES}test_a_failed_probe_takes_those_who_want_its_time_behind_with_it_once",
    ),
    _types(
        name="a-type-that-may-take-more-takes-one",
        old="AND confirms_free_email IS FALSE",
        new="",
        test=f"{_AHEAD}test_where_more_may_have_a_time_or_nobody_knows_nobody_is_ahead[not told]",
    ),
    _types(
        name="one-sight-says-that-a-type-takes-one",
        old="coalesce(bool_and(kind IN",
        new="coalesce(bool_or(kind IN",
        test=f"{_AHEAD}test_what_one_key_was_shown_does_not_stand_against_another_ones_sight",
    ),
    _free(
        name="a-time-that-somebody-wants-is-offered",
        old="        starts = _unclaimed(deps, question, starts)\n",
        new="",
        test=f"{_OFFERED}[plain-30-free_at0]",
    ),
    _free(
        name="what-a-wanted-booking-reaches-into-is-offered",
        old="abs(start - one) < length for",
        new="abs(start - one) < _MOMENT for",
        test=f"{_OFFERED}[plain-30-free_at0]",
    ),
    Breakage(
        name="who-is-behind-hears-that-it-will-be-confirmed",
        promise=4,
        file="tasks/callers/sentences.py",
        old="return Said.BEHIND if view.ahead and said in _WE_WILL_CONFIRM else said",
        new="return said",
        test=_HEARS,
    ),
    _insertion(
        name="who-was-behind-is-so-for-ever",
        old="THEN /* schema */asked_before(id, start_at, line_at, 99) ELSE",
        new="THEN ahead ELSE",
        test=_HEARS,
    ),
    _insertion(
        name="who-wants-to-be-the-first-is-stored-behind-another-one",
        old="only = [row for row in rows if row.only_if_first]",
        new="only = list[NewAppointment]()",
        test=_REFUSED,
    ),
    _not_first(
        name="unknown-capacity-turns-away-who-wants-to-be-the-first",
        old="WHERE ahead > 0 AND /* schema */takes_one(account_id, /* event_type */)",
        new="WHERE ahead > 0",
        test=f"{_ONLY}test_where_more_may_have_a_time_or_nobody_knows_nobody_is_refused[None]",
    ),
    _not_first(
        name="who-waits-for-a-person-turns-others-away",
        old="AND /* schema */is_on_the_way(first) AND first.probe_failures < 2",
        new="",
        test=f"{_ONLY}test_who_is_not_on_the_way_refuses_nobody[paused]",
    ),
    _not_first(
        name="who-is-to-be-moved-there-turns-nobody-away",
        old="WHERE move.kind = 'reschedule' AND",
        new="WHERE false AND move.kind = 'reschedule' AND",
        test=f"{_ONLY}test_who_is_to_be_moved_to_a_time_is_ahead",
    ),
    _insertion(
        name="a-known-request-is-turned-away-by-itself",
        old="behind |= {key: one for key, one in turned_away.items() if key not in found}",
        new="behind |= turned_away",
        test=_REFUSED,
    ),
    Breakage(
        name="who-waits-for-a-time-that-is-got-hears-nothing",
        promise=4,
        file="db/appointments/moves.py",
        old="telling(sql) if to is Status.CONFIRMED else sql",
        new="sql",
        test=f"{_GOT}test_whom_somebody_is_moving_is_not_waited_for",
    ),
    _taken(
        name="a-time-is-said-to-be-taken-where-more-may-have-it",
        old="THEN takes_one(account_id, type) AND EXISTS",
        new="THEN EXISTS",
        test=f"{_GOT}test_where_a_type_may_take_more_nobody_is_ended_for_another_one[hosts]",
    ),
    _taken(
        name="what-was-known-of-a-type-long-ago-ends-who-waits",
        old=" AND asked_at > now() - interval '1 day'",
        new="",
        test=f"{_GOT}test_what_was_shown_of_a_type_more_than_a_day_ago_ends_nobody[25-held]",
    ),
    _taken(
        name="who-must-be-looked-up-is-said-to-have-lost-a-time",
        old="AND hold_reason IN ('breaker_open', 'throttled') AND id",
        new="AND id",
        test=f"{_WAITS}[unreachable]",
    ),
    _taken(
        name="who-may-be-booked-is-said-to-have-lost-a-time",
        old="AND calcom_booking_uid IS NULL AND",
        new="AND",
        test=f"{_WAITS}[booked]",
    ),
    _taken(
        name="who-wants-no-time-any-more-is-said-to-have-lost-it",
        old="calcom_booking_uid IS NULL AND NOT cancel_requested AND NOT move_requested",
        new="calcom_booking_uid IS NULL",
        test=f"{_WAITS}[unwanted]",
    ),
    _taken(
        name="a-confirmation-waits-for-who-loses-its-time",
        old="FOR NO KEY UPDATE SKIP LOCKED",
        new="FOR NO KEY UPDATE NOWAIT",
        test=f"{_GOT}test_whom_somebody_is_moving_is_not_waited_for",
    ),
    _taken(
        name="a-request-to-a-host-takes-a-time",
        old=" AND awaits_host IS NOT TRUE",
        new="",
        test=f"{_GOT}test_a_booking_that_may_not_keep_the_time_ends_nobody[pending there]",
    ),
    Breakage(
        name="a-move-tells-nobody-that-its-time-is-taken",
        promise=4,
        file="db/sql/record_places.sql",
        old="SELECT * FROM recorded WHERE is_moved",
        new="SELECT * FROM recorded WHERE false",
        test=f"{_GOT}test_a_move_gets_its_time_as_a_booking_does",
    ),
)
