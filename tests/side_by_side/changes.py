"""A caller of the new version who cancels and moves bookings in turn, by their ids; it writes how many were heard."""

import sys
from datetime import UTC, datetime, timedelta

from worker import cancel_booking, reschedule_booking

FROM = datetime(2031, 3, 1, tzinfo=UTC)


def ask(ids: list[int]) -> int:
    """Cancel every second one, and move the others; return how many changes were heard."""
    for nth, one in enumerate(ids):
        if nth % 2:
            cancel_booking(one)
        else:
            reschedule_booking(one, FROM + nth * timedelta(minutes=30))
    return len(ids)


if __name__ == "__main__":
    sys.stdout.write(f"accepted {ask([int(one) for one in sys.argv[1:]])}\n")
