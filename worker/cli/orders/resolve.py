"""`booking resolve`: an operator says which booking at Cal.com is ours, or whether its held change was done there."""

from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.calcom.booking import usable
from tasks.changes.resolve import OperatorWord, resolve
from tasks.changes.resolve_booking import RESOLVE, WHY, Resolved, finish
from worker.cli import record
from worker.cli.named import named
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import note_waiting
from worker.console.stop import Stop


def run(booking: str, uid: str | None, *, done: bool | None = None) -> bool:
    """Ask Cal.com for the booking, record what it is, print the result, and return whether the word was taken.

    Raises:
        Stop: There is no such row, or Cal.com cannot be asked now; nothing was changed.
    """
    deps = ready()
    with listening(screen.note):
        with deps.engine.connect() as conn:
            row = named(conn, booking)
        given = {"uid": None if uid is None else usable(uid), "done": done}
        target = {name: value for name, value in given.items() if value is not None}
        action = record.begin(deps.engine, RESOLVE, why=WHY, target=target, ids=(row.id,))
        try:
            calls = AuditCalls(deps, waiting=note_waiting)
            calls.use(row.account_id)
            became = resolve(calls, row, OperatorWord(uid, done))
        except AuditHalted as halted:
            finish(deps.engine, action, Resolved(ok=False, said=str(halted)))
            raise Stop(str(halted), "nothing was changed") from None
        finish(deps.engine, action, became)
    (screen.say if became.ok else screen.note)(became.said)
    return became.ok
