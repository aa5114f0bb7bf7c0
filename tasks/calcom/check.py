"""Say what is wrong with our access to Cal.com, for `booking check`: one harmless read."""

from dataclasses import dataclass

from tasks.calcom.client import CalcomClient
from tasks.calcom.look import Clock, utc_now
from tasks.calcom.meaning import Reply
from tasks.calcom.replies import read_list


@dataclass(frozen=True, slots=True)
class Access:
    """Hold what one list call showed.

    `problem` is None when Cal.com answered as it should; its meaning is CREDENTIALS, CONFIGURATION, THROTTLED, NOT_SENT
    or UNKNOWN. `sees_bookings` is false for a key that is shown no booking at all: new, or blind.
    """

    problem: Reply | None
    sees_bookings: bool = False


def check_access(client: CalcomClient, *, clock: Clock = utc_now) -> Access:
    """List one booking, whichever, and say what that shows of URL, API version and key."""
    page = read_list(client.list_bookings({"take": 1}), now=clock())
    if isinstance(page, Reply):
        return Access(problem=page)
    return Access(problem=None, sees_bookings=bool(page.bookings))
