"""The task that changes a booking: claim, attempt, move, as a booking's task does."""

from tasks.base import BookingTask
from tasks.booking import carry_out
from tasks.changes.attempting import attempt_change
from tasks.changes.claimed import claim_change
from tasks.host.application import app
from tasks.publish import CHANGE_TASK


@app.task(bind=True, base=BookingTask, name=CHANGE_TASK)
def change_booking(self: BookingTask, change_id: int) -> str:
    """Cancel or move one booking at Cal.com; any number of deliveries of the same id do it once."""
    return carry_out(self, change_id, claim_change, attempt_change)
