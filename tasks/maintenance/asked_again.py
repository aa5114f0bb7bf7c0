"""Look at a confirmed booking that a client has asked for again: the client got its receipt without asking Cal.com."""

from tasks import dependencies
from tasks.guarded_calls.recheck import still_booked
from tasks.host.application import app

ASKED_AGAIN = "tasks.maintenance.asked_again.look_asked_again"


@app.task(name=ASKED_AGAIN, send_events=False)  # Flower lists bookings
def look_asked_again(appointment_id: int) -> str:
    """Have a booking that is cancelled at Cal.com cancelled here, too; return how it stands there.

    Once a minute at most for one booking, and not while others wait for the breaker or the limit.
    """
    return still_booked(dependencies.current(), appointment_id).standing.value
