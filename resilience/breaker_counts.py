"""What a breaker counts of the calls it guards: figures of the last minutes, and windows for a lasting record.

Both ride in the reports of the calls themselves.
"""

from collections.abc import Mapping
from typing import Any

from resilience.breaker_home import Home
from resilience.breaker_messages import WITHOUT_ENDPOINT, Frame, counted
from resilience.breaker_rules import Rules
from resilience.call_counts import Figures, figures
from resilience.call_windows import Window, finished
from resilience.error_types import Severity
from resilience.flusher import Flusher
from resilience.last_view import pairs
from resilience.late_reports import LateReports, Success, failure, line
from resilience.report_context import bounded_context


class CallRecord:
    """The counting half of a circuit breaker."""

    service: str
    _home: Home
    _late: LateReports
    _flusher: Flusher

    def count_success(self, endpoint: str | None = None, *, elapsed: float = 0.0) -> None:
        """Count a call that went well, seconds long; told within `report_within`, and it changes no state."""
        if self._late.keep(Success(endpoint or WITHOUT_ENDPOINT, elapsed, 0, None)):
            self._flusher.wake()

    def count_failure(
        self,
        reason: str,
        endpoint: str | None = None,
        *,
        severity: Severity | None = None,
        elapsed: float = 0.0,
        context: Mapping[str, Any] | None = None,
        now: float | None = None,
    ) -> None:
        """Count a failure at once; it changes no state. `now` is for tests, in seconds."""
        name, ms = endpoint or WITHOUT_ENDPOINT, max(0, round(elapsed * 1000))
        told = line(name, 1, ms, ms, *failure(reason, severity))
        report = counted(told, context=bounded_context(context))
        self._home.run("record", self._home.frame(name, now), report, lambda rules, at: rules.record(at, report))

    def figures(self, endpoint: str | None = None, *, now: float | None = None) -> Figures:
        """Look at the last minutes, of one endpoint or of all; while Redis is gone, as this process counted them."""
        frame = self._home.frame(WITHOUT_ENDPOINT, now)
        answer = self._home.ask("figures", frame)
        if answer is not None:
            return figures(pairs(answer[1]), answer[0], endpoint)

        def own(rules: Rules, at: Frame) -> Figures:
            return figures(rules.counts.fields, at.now, endpoint)

        seen: Figures = self._home.alone(frame, own)
        return seen

    def forget_figures(self) -> None:
        """Begin the last minutes anew; the windows stay."""
        frame = self._home.frame(WITHOUT_ENDPOINT)
        if self._home.ask("forget", frame) is None:
            self._home.alone(frame, lambda rules, _: rules.counts.fields.clear())

    def finished_windows(self, written: float = 0.0, *, now: float | None = None) -> list[Window]:
        """Give the windows that are over and whole; drop those that ended until `written` (seconds since 1970).

        None while Redis is gone: what this process counted alone is not what the fleet did.
        """
        frame, until = self._home.frame(WITHOUT_ENDPOINT, now), round(written * 1000)
        if self._home.shared is not None:
            answer = self._home.ask("finished", frame, (until,))
            return [] if answer is None else list(finished(pairs(answer[1]), answer[0]))

        def own(rules: Rules, at: Frame) -> list[Window]:
            rules.windows.drop(until)
            return list(finished(rules.windows.fields, at.now))

        seen: list[Window] = self._home.alone(frame, own)
        return seen
