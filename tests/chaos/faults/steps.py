"""The steps of a booking at which a process can be told to die or to freeze: exactly there, and exactly one process.

An order is a file in a folder that the suite and every process of the fleet share, named after the step; it holds the
signal. The first process at the step renames the file, which only one can, and sends itself the signal.
"""

import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

# Step -> where it is: (module, name in it, before or after the call).
STEPS: dict[str, tuple[str, str, str]] = {
    "a request is kept, its message not sent": ("tasks.enqueue", "send", "before"),
    "its message is taken": ("tasks.booking", "claim", "before"),
    "the claims of a group are written": ("db.appointments", "claim_together", "after"),
    "it is claimed": ("tasks.booking", "claim", "after"),
    "the breaker permits it": ("tasks.attempts.attempt", "send_once", "before"),
    "its lease is checked, it is about to be sent": ("tasks.calcom.http.call", "Call.before_send", "after"),
    "it is sent, not answered": ("tasks.calcom.http.exchange", "_BoundedConnection.getresponse", "before"),
    "it is answered": ("tasks.calcom.client", "CalcomClient.post_booking", "after"),
    "its answer is reported": ("tasks.guarded_calls.calls", "GuardedCalls.post", "after"),
    "a look has seen Cal.com's list": ("tasks.attempts.inquiry", "lookup", "after"),
    "a deciding look has seen Cal.com's list": ("tasks.attempts.inquiry", "deciding_lookup", "after"),
    "its event type is asked": ("tasks.guarded_calls.event_type_lookup", "ask", "after"),
    "its lease is renewed": ("tasks.work.claim", "Claim.renew", "after"),
    "its move is written, not committed": ("db.appointments", "move", "after"),
    "the ends of a group are written": ("db.appointments", "confirm_together", "after"),
    "it has moved": ("tasks.work.ends", "write", "after"),
    "its message is about to be sent": ("tasks.work.publish", "_publish", "before"),
    "its message is sent": ("tasks.work.publish", "_publish", "after"),
    "others may go": ("tasks.booking", "release_paced", "before"),
    "its task is done, not acknowledged": ("celery.signals", "task_postrun", "signal"),
    "the sweeper has taken it up": ("tasks.maintenance.sweeper", "send", "before"),
    "the breaker gives held ones room": ("resilience.circuit_breaker.held_work", "HeldWork.release", "after"),
    "a change is claimed": ("tasks.booking", "claim_change", "after"),
    "a cancel is answered": ("tasks.calcom.client", "CalcomClient.cancel_booking", "after"),
    "a move is answered": ("tasks.calcom.client", "CalcomClient.reschedule_booking", "after"),
    "a change's end is written, not committed": ("db.changes.moves", "move", "after"),
    "a change has ended": ("tasks.changes.claim", "ChangeClaim._write", "after"),
    "held ones are released, not sent": ("tasks.maintenance.release", "send", "before"),
}

# Of `booking serve` alone. In all the fire suite its own process asks for changes, and it is not to die.
API_STEPS: dict[str, tuple[str, str, str]] = {
    "a change is kept, its message not sent": ("tasks.changes.ask.by_caller", "send_released", "before"),
}


class Orders:
    """The suite's side: order a step's death, and see who obeyed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def give(self, step: str, what: signal.Signals) -> None:
        """Have the next process that comes to the step get this signal."""
        draft = self._folder / "draft"
        draft.write_text(what.name)
        draft.rename(self._folder / _file(step))

    def obeyed(self, step: str) -> int | None:
        """Return the id of the process that obeyed; None when none has come to the step."""
        for taken in self._folder.glob(f"{_file(step)}.*"):
            pid = int(taken.suffix[1:])
            taken.unlink()
            return pid
        return None

    def withdraw(self, step: str) -> None:
        """Take an order back that nobody has met."""
        (self._folder / _file(step)).unlink(missing_ok=True)


def reach(folder: Path, step: str) -> None:
    """Obey the order for this step, if there is one: with SIGKILL this does not return."""
    name = folder / _file(step)
    taken = name.with_name(f"{name.name}.{os.getpid()}")
    try:
        name.rename(taken)
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.Signals[taken.read_text()])


def around(call: Callable[..., Any], *, before: Callable[[], None] | None, after: Callable[[], None] | None) -> Any:
    """Return the call with a step before or after it."""

    @wraps(call)
    def stepped(*args: Any, **options: Any) -> Any:
        if before:
            before()
        answer = call(*args, **options)
        if after:
            after()
        return answer

    return stepped


def _file(step: str) -> str:
    return step.replace(" ", "-").replace(",", "").replace("'", "").replace(".", "")
