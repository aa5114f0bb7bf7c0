"""What operators see of callbacks, changes and webhooks, taken away: nobody hears of it, or hears what is not so."""

from functools import partial

from tests.mutation.breakage import Breakage

_INCIDENTS = "tests/integration/incidents/test_front_door_incidents.py::"
_READ = "tests/integration/overview/test_front_door.py::"
_check = partial(Breakage, promise=6, file="tasks/incidents/check.py")
_observe = partial(Breakage, promise=6, file="tasks/incidents/front_door.py")
_silent = partial(Breakage, promise=6, file="db/sql/webhooks_silent.sql")
_read = partial(Breakage, promise=6, file="db/monitoring/front_door.py")

_INDEXES = {  # of each: its file, and what it becomes an index of no row by
    "booking_changes_oldest": ("changes", "ON booking_changes (requested_at)\n    WHERE ", "status IN ('waiting'"),
    "callbacks_oldest": ("callbacks", "ON callbacks (created_at) WHERE ", ""),
    "calcom_webhooks_account": ("webhooks", "ON calcom_webhooks (account_id, received_at)", ""),
}

AT_FRONT_DOOR = (
    _check(
        name="callbacks-given-up-are-no-incident",
        old="            *observe_callbacks(conn),\n",
        new="",
        test=f"{_INCIDENTS}test_callbacks_that_were_given_up_are_an_incident_until_they_are_sent_again",
    ),
    _observe(
        name="callbacks-that-no-worker-takes-are-no-incident",
        old="    if left.since is not None:\n",
        new="    if False:\n",
        test=f"{_INCIDENTS}test_callbacks_that_no_worker_takes_are_an_incident_until_one_does",
    ),
    _observe(
        name="an-address-that-answered-410-is-no-incident",
        old="    if off:\n",
        new="    if False:\n",
        test=f"{_INCIDENTS}test_an_address_that_answered_410_is_an_incident_until_somebody_decides",
    ),
    _read(
        name="a-callback-on-its-way-is-one-that-nobody-takes",
        old="column.claims >= _NOT_TAKEN)",
        new="column.claims >= 1)",
        test=f"{_INCIDENTS}test_callbacks_that_no_worker_takes_are_an_incident_until_one_does",
    ),
    Breakage(
        name="callbacks-given-up-ring-nothing",
        promise=6,
        file="deploy/prometheus/rules.yml",
        old='(booking_callbacks{state="given_up"}) > 0',
        new='(booking_callbacks{state="given_up"}) > 1000',
        test="tests/rules/test_alerts.py"
        "::test_alerts_ring_under_the_fault_that_they_are_for_and_no_other[receiver_gone]",
    ),
    _check(
        name="silent-webhooks-are-no-incident",
        old="            *observe_webhooks(conn, known),\n",
        new="",
        test=f"{_INCIDENTS}test_a_webhook_that_was_silent_for_a_day_of_bookings_is_an_incident_until_one_comes",
    ),
    _observe(
        name="a-day-without-bookings-ends-a-silent-webhook",
        old="known=before,",
        new="known=[],",
        test=f"{_INCIDENTS}test_a_webhook_that_was_silent_for_a_day_of_bookings_is_an_incident_until_one_comes",
    ),
    _observe(
        name="the-first-booking-after-a-weekend-rings",
        old="GRACE = timedelta(minutes=10)",
        new="GRACE = timedelta(0)",
        test=f"{_INCIDENTS}test_a_booking_whose_webhook_may_still_come_or_that_is_older_rings_nothing[1 minute]",
    ),
    _silent(
        name="a-webhook-that-was-removed-is-missed-by-the-alert",
        old="ordered.action = :added\n",
        new="ordered.name IS NOT NULL\n",
        test=f"{_INCIDENTS}test_an_account_without_a_webhook_rings_nothing",
    ),
    _silent(
        name="a-new-webhook-is-missed-at-once",
        old="greatest(newest.received_at, ordered.asked_at) <= now()",
        new="coalesce(newest.received_at, '-infinity') <= now()",
        test=f"{_INCIDENTS}test_a_webhook_that_was_ordered_has_a_day_for_its_first_report",
    ),
    _silent(
        name="a-webhook-is-expected-of-a-teams-type",
        old="AND NOT type.personal",
        new="AND type.personal",
        test=f"{_INCIDENTS}test_an_account_with_bookings_of_a_team_alone_rings_nothing",
    ),
    *(
        Breakage(
            name=f"no-index-{name}",
            promise=6,
            file=f"db/migrations/initial/{subject}.sql",
            old=columns + more,
            new=columns + ("false AND " if "WHERE" in columns else " WHERE false") + more,
            test=f"{_READ}test_a_reading_costs_no_more_with_all_that_is_stored",
        )
        for name, (subject, columns, more) in _INDEXES.items()
    ),
    Breakage(
        name="no-index-callbacks_given_up_open",
        promise=6,
        file="db/migrations/initial/callbacks.sql",
        old="trouble IS DISTINCT FROM 'dropped' AND",
        new="trouble IS DISTINCT FROM 'dropped' AND false AND",
        test=f"{_READ}test_a_reading_costs_no_more_with_all_that_is_stored",
    ),
    _read(
        name="the-oldest-callback-is-any-of-many",
        old=".order_by(_callbacks.c[moment])",
        new=".order_by(_callbacks.c[moment].desc())",
        test=f"{_READ}test_a_reading_costs_no_more_with_all_that_is_stored",
    ),
    _read(
        name="webhooks-of-last-week-are-of-today",
        old=".where(newest.c.received_at > now - DAY)",
        new="",
        test=f"{_READ}test_what_waits_is_told_by_the_page_the_command_line_and_the_metrics_alike",
    ),
    Breakage(
        name="an-outcome-is-a-label-whatever-it-says",
        promise=6,
        file="worker/metrics/labels.py",
        old="return value if value in known else OTHER",
        new="return value",
        test=f"{_READ}test_an_outcome_of_another_release_is_told_as_other",
    ),
    Breakage(
        name="the-page-hides-what-was-given-up",
        promise=6,
        file="worker/page/static/sections/front_door.js",
        old="if (found.given_up)",
        new="if (!found.waiting && found.given_up)",
        test="tests/browser/overview/test_front_door.py::test_what_waits_at_the_front_door_stands_there[light]",
    ),
)
