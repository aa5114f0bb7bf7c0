"""`booking reschedule`: move one booking to another start."""

from datetime import datetime

from tasks.changes.ask.change import RESCHEDULE
from tasks.changes.ask.sentences import sentence_of
from tasks.operations import booking_actions
from worker.cli.named import named
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop


def run(booking: str, start: str, *, reason: str | None, account: str | None, why: str) -> bool:
    """Move the booking, print what becomes of it, and return whether it is moved or will be.

    Raises:
        Stop: There is no such row, or `start` is no time.
    """
    try:
        datetime.fromisoformat(start)
    except ValueError:
        raise Stop(f"{start}: not a time; give it as in 2030-03-05T10:00:00+01:00") from None
    deps = ready()
    given = {"start": start, "reason": reason, "account": account}
    target = {name: text for name, text in given.items() if text is not None}
    with listening(screen.note):
        with deps.engine.connect() as conn:
            row = named(conn, booking)
        asked = requested(RESCHEDULE, why=why, target=target, ids=(row.id,))
        [result] = booking_actions.carry_out(deps, booking_actions.begin(deps.engine, asked))
    (screen.say if result.done else screen.note)(f"{row.id}: {sentence_of(result)}")
    return result.done
