"""Guards of what Prometheus reads of the HTTP API, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_METRICS = "tests/integration/api/test_api_metrics.py::"
_serving = partial(Breakage, promise=6, file="worker/api/metrics/serving.py")

HTTP_METRICS = (
    Breakage(
        name="an-address-is-a-label",
        promise=7,
        file="worker/api/calls.py",
        old='    path: str | None = getattr(scope.get("route"), "path", None)\n',
        new='    path: str | None = scope["path"]\n',
        test=f"{_METRICS}test_no_request_makes_a_series_and_nothing_of_one_is_a_label",
    ),
    Breakage(
        name="each-process-counts-for-itself",
        promise=6,
        file="worker/api/serve.py",
        old='        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)',
        new="        str(metrics)",
        test=f"{_METRICS}test_all_series_begin_at_zero_and_stand_in_the_document",
    ),
    _serving(
        name="who-died-still-waits",
        old="            if not _is_alive(process):\n",
        new="            if False:\n",
        test=f"{_METRICS}test_who_waits_is_counted_while_it_waits",
    ),
    _serving(
        name="nobody-serves-after-the-first",
        old="            await asyncio.sleep(EVERY)\n",
        new="            return\n",
        test=f"{_METRICS}test_another_process_answers_when_the_one_that_did_is_killed",
    ),
    Breakage(
        name="who-is-over-its-rate-is-not-counted",
        promise=6,
        file="worker/api/gate.py",
        old="            counting.refused(Refusal.KEY_RATE)\n",
        new="",
        test=f"{_METRICS}test_who_is_refused_is_counted_by_what_refuses",
    ),
    Breakage(
        name="booking-over-its-rate-is-not-counted",
        promise=6,
        file="worker/api/concurrency/arrived.py",
        old="            counting.refused(Refusal.KEY_RATE)\n",
        new="",
        test=f"{_METRICS}test_who_is_refused_is_counted_by_what_refuses",
    ),
)
