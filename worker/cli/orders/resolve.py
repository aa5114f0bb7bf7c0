"""`booking resolve`: an operator says which booking at Cal.com is ours; the page does the same."""

from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.calcom.booking import usable
from tasks.operations.resolving import RESOLVE, WHY, Resolved, finish, resolve
from worker.cli import record
from worker.cli.named import named
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import note_waiting
from worker.console.stop import Stop


def run(booking: str, uid: str) -> bool:
    """Ask Cal.com for the booking, record it if it is ours, print the result, and return whether it was.

    Raises:
        Stop: There is no such row, or Cal.com cannot be asked now; nothing was changed.
    """
    deps = ready()
    with listening(screen.note):
        with deps.engine.connect() as conn:
            row = named(conn, booking)
        action = record.begin(deps.engine, RESOLVE, why=WHY, target={"uid": usable(uid)}, ids=(row.id,))
        try:
            calls = AuditCalls(deps, waiting=note_waiting)
            calls.use(row.account_id)
            done = resolve(calls, row, uid)
        except AuditHalted as halted:
            finish(deps.engine, action, Resolved(ok=False, said=str(halted)))
            raise Stop(str(halted), "nothing was changed") from None
        finish(deps.engine, action, done)
    (screen.say if done.ok else screen.note)(done.said)
    return done.ok
