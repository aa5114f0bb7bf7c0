"""Guards of what Prometheus reads, each taken away: the test of what it promises must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_TOTALS = "tests/integration/metrics/test_metric_totals.py::"
_EXPORTER = "tests/integration/metrics/test_exporter.py::"
_CHART = "tests/deploying/test_chart.py::"
_base = partial(Breakage, promise=6, file="deploy/kubernetes/templates/base.yaml")
_pods = partial(Breakage, promise=6, file="deploy/kubernetes/templates/_pods.tpl")
_rules = partial(Breakage, promise=6, file="deploy/prometheus/rules.yml")

METRICS = (
    Breakage(
        name="window-totalled-twice",
        promise=6,
        file="tasks/maintenance/failure_metrics.py",
        old='for row in rows("", window) if _key(row) in new]',
        new='for row in rows("", window)]',
        test=f"{_TOTALS}test_a_window_that_is_written_already_adds_nothing",
    ),
    Breakage(
        name="transition-totalled-twice",
        promise=6,
        file="db/monitoring/breaker_events.py",
        old="for service, endpoint, new_state, account in new\n",
        new='for service, endpoint, new_state, account in [(r["service"], r["endpoint"], r["new_state"], None) '
        "for r in rows]\n",
        test=f"{_TOTALS}test_transitions_equal_the_rows",
    ),
    Breakage(
        name="history-counted-as-now",
        promise=6,
        file="db/monitoring/metric_totals.py",
        old="totals=None if until is None else totals",
        new="totals=totals",
        test=f"{_TOTALS}test_what_was_before_the_first_count_does_not_look_as_if_it_were_now",
    ),
    Breakage(
        name="posted-counted-as-denied",
        promise=6,
        file="tasks/work/decisions.py",
        old='return Move(Status.HELD, "the circuit breaker is open", hold)',
        new='return Move(Status.HELD, "the circuit breaker is open", hold, facts={"denied_for": "breaker_open"})',
        test="tests/unit/tasks/test_life.py::test_a_hold_after_a_post_of_its_own_is_no_denied_call",
    ),
    Breakage(
        name="totals-pruned",
        promise=6,
        file="db/monitoring/retention.py",
        old="    return conn.execute(delete(booking_minutes)",
        new='    conn.execute(text("DELETE FROM metric_totals"))\n    return conn.execute(delete(booking_minutes)',
        test=f"{_TOTALS}test_nothing_that_goes_makes_a_counter_sink",
    ),
    Breakage(
        name="metrics-of-a-process",
        promise=6,
        file="worker/metrics/server.py",
        old="registry = CollectorRegistry()",
        new="from prometheus_client import REGISTRY as registry",
        test=f"{_EXPORTER}test_a_fleet_that_is_killed_and_forgets_tells_no_less_and_nothing_personal",
    ),
    _rules(
        name="held-too-long-by-each-hold",
        old="max by (deployment) (booking_oldest_held_request_seconds) > 900",
        new="max by (deployment) (booking_oldest_hold_seconds) > 900",
        test="tests/rules/test_alerts.py::test_alerts_ring_under_the_fault_that_they_are_for_and_no_other[held_too_long]",
    ),
    _rules(
        name="beat-of-another-deployment",
        old="time() - max by (deployment) (booking_health_check_timestamp_seconds) > 15",
        new="time() - max(booking_health_check_timestamp_seconds) > 15",
        test="tests/rules/test_alerts.py::test_an_alert_is_of_the_deployment_that_has_the_fault[beat_dead]",
    ),
    Breakage(
        name="a-service-sets-flowers-port",
        promise=6,
        file="deploy/kubernetes/hardened.yaml",
        old="""  path: /spec/template/spec/enableServiceLinks
  value: false""",
        new="""  path: /spec/template/spec/enableServiceLinks
  value: true""",
        test="tests/deploying/test_kubernetes.py::test_a_service_puts_nothing_into_our_pods",
    ),
    Breakage(
        name="worker-that-is-gone-is-well",
        promise=6,
        file="worker/console/broker.py",
        old="return bool(app.control.ping([node]",
        new="return None is not (app.control.ping([node]",
        test="tests/integration/cli/test_cli_check.py::test_a_worker_that_does_not_answer_is_not_well",
    ),
    _base(
        name="settings-in-powers-of-ten",
        old="ternary $value (toJson $value)",
        new="ternary $value (toString $value)",
        test=f"{_CHART}test_a_setting_is_the_text_that_every_process_reads",
    ),
    _base(
        name="one-pod-that-keeps-its-node",
        old="$left_out = or $left_out (le ",
        new="$left_out = or $left_out (lt ",
        test=f"{_CHART}test_one_pod_has_no_disruption_budget",
    ),
    _pods(
        name="migration-asks-for-what-is-not-there-yet",
        old="if not (and $hook .configMapRef)",
        new="if true",
        test=f"{_CHART}test_it_is_what_kustomize_builds",
    ),
    _pods(
        name="migration-by-other-secrets",
        old="concat $pod.containers (default (list) $pod.initContainers)",
        new="$pod.containers",
        test=f"{_CHART}test_a_secrets_key_comes_before_the_others",
    ),
    Breakage(
        name="nobody-named-is-everybody",
        promise=6,
        file="deploy/kubernetes/templates/networkpolicies.yaml",
        old="with $peers",
        new="with default (list) $peers | toJson",
        test=f"{_CHART}test_each_pod_is_reached_by_those_named_alone",
    ),
    Breakage(
        name="parallel-workers-at-every-scrape",
        promise=6,
        file="db/sql/last_day.sql",
        old="WHERE id > counted.event_id",
        new="WHERE id > (SELECT event_id FROM counted_bookings)",
        test="tests/integration/database/test_booking_minutes.py::test_no_parallel_workers_look_for_what_came_since_the_last_count",
    ),
    Breakage(
        name="wait-begins-anew-with-each-hold",
        promise=6,
        file="worker/metrics/gauges.py",
        old="held[reason].oldest_requested_at if",
        new="held[reason].oldest_held_at if",
        test=f"{_EXPORTER}test_a_wait_goes_on_when_a_hold_begins_anew",
    ),
    Breakage(
        name="free-text-as-a-label",
        promise=6,
        file="worker/metrics/totals.py",
        old="    for values in product(*sets):\n",
        new="    for values in {*product(*sets), *(labels for (of, labels) in totals if of == name)}:\n",
        test=f"{_EXPORTER}test_what_another_release_has_counted_is_told_as_other",
    ),
)
