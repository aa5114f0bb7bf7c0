"""`booking migrate`: migrate the database to the revision that this code needs, or back."""

import typer

from db import revisions
from tasks import dependencies
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from worker.console import screen


def run(*, to: str | None, down: int | None, status: bool, or_newer: bool) -> bool:
    """Migrate, or list the revisions; return whether the database is as it should be.

    Raises:
        typer.BadParameter: More than one of --to, --down and --status is given.
        RevisionError: There is no such revision, or the database is newer than this code.
    """
    if sum((to is not None, down is not None, status)) > 1:
        raise typer.BadParameter("give one of --to, --down and --status")
    if status:
        return _status(or_newer=or_newer)
    _migrate(to, down)
    return True


def _migrate(to: str | None, down: int | None) -> None:
    """Migrate, and print the revisions before and after."""
    engine = dependencies.current().engine
    before = revisions.current(engine)
    try:
        applied = (
            revisions.migrate(engine, to or "head", _note) if down is None else revisions.downgrade(engine, down, _note)
        )
    except KeyboardInterrupt:
        at = revisions.current(engine) or "nothing"
        _note(f"stopped: the database is at {at}, and nothing is half done; `booking migrate` goes on from there")
        raise
    after = revisions.current(engine)
    if not applied:
        screen.say(f"Nothing to do: the database is at {after or 'nothing'}.")
        return
    docs = {revision.id: revision.doc for revision in revisions.status(engine)}
    back = before is not None and (after is None or applied[0] == before)
    for name in applied:
        screen.say(("- " if back else "+ ", "bold"), f"{name}  ", (docs.get(name, ""), "dim"))
    screen.say(f"{before or 'nothing'} -> ", (after or "nothing", "bold"))


def _note(line: str) -> None:
    screen.note(("booking: ", "bold"), line)


def _status(*, or_newer: bool) -> bool:
    """List the revisions, and which of them are applied; return whether the database has all and no more.

    `or_newer`: also accept what a later release has migrated.
    """
    engine = dependencies.current().engine
    schema = revisions.schema_state(engine)
    for revision in revisions.status(engine):
        mark = ("applied ", "green") if revision.applied else ("missing ", "bold yellow")
        here = "  <- the database is here" if revision.id == schema.current else ""
        screen.say(mark, " ", revision.id, "  ", (revision.doc, "dim"), (here, "bold"))
    if schema.problem:
        screen.note(("booking: ", "bold"), schema.problem)
    return schema.problem is None or (or_newer and not schema.known)
