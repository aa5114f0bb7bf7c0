"""Calls of a check: bookings go first, and no check waits for Cal.com's limit longer than some seconds."""

import threading
from collections.abc import Callable

from booking_client import correlation
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls

LIMIT_SECONDS = 5.0  # seconds that all calls together may wait for Cal.com's limit


def calls(built: Dependencies, *, migrated: bool) -> GuardedCalls:
    """Return calls that let bookings go first; without tables there are no bookings."""
    return audit_calls(built) if migrated else GuardedCalls(built, correlation.new())


def audit_calls(built: Dependencies) -> AuditCalls:
    """Return calls that let bookings go first, and wait for a limit no longer than a check may."""
    return AuditCalls(built, pause=patience(LIMIT_SECONDS))


def patience(seconds: float) -> Callable[[float], object]:
    """Return a pause that raises AuditHalted after `seconds` in all: bookings need the limit more than a check."""
    left = seconds

    def pause(asked: float) -> None:
        nonlocal left
        left -= asked
        if left < 0:
            raise AuditHalted("Cal.com's limit of calls is used up for now; ask again in a minute")
        threading.Event().wait(asked)

    return pause
