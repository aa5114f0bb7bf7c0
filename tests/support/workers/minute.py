"""The minute between two harmless calls, made shorter in this process."""

from functools import partial

import tasks.maintenance.recovery
import tasks.work.decisions
import worker.breaker


def shorten(seconds: float) -> None:
    """Have the minute last so many seconds; before the product is wired."""
    made = partial(worker.breaker.BreakerSettings, trial_every=seconds)
    worker.breaker.BreakerSettings = made  # type: ignore[assignment,misc]
    tasks.work.decisions.TRY_AGAIN = tasks.maintenance.recovery.TRY_AGAIN = seconds
