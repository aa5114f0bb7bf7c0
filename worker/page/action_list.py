"""The list of operators' actions: who did what, by which way, why, its outcome and what it left undone."""

from typing import Any
from zoneinfo import ZoneInfo

from db.monitoring import operator_actions
from db.monitoring.operator_actions import OperatorAction
from db.snapshot import snapshot
from tasks.dependencies import Dependencies
from tasks.operations.answers import answer, left_undone
from worker.page.base import PrivateHandler
from worker.page.query import LONGEST_TEXT, refused
from worker.page.reading import readers

PAGE = 50
MOST_IDS = 200  # bookings of one action that its link names
PEOPLE = 100  # in the choice of people
_ARGUMENTS = ("by", "kind", "before")
_UTC = ZoneInfo("UTC")


class ActionsData(PrivateHandler):
    """One page of the operators' actions, the newest first."""

    async def get(self) -> None:
        """Answer with them; `next` is what the next page begins `before`.

        A person is named by one of their actions (`by`): a login's name may be an e-mail address, and stands in none.
        """
        asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        if unknown := sorted(asked.keys() - set(_ARGUMENTS)):
            raise refused(f"{unknown[0]}: there is no such filter; there are {', '.join(_ARGUMENTS)}")
        if len(asked.get("kind", "")) > LONGEST_TEXT:
            raise refused("kind: too long")
        by, before = (_number(name, asked.get(name) or "") for name in ("by", "before"))
        self.answer(await readers().run(lambda deps: _read(deps, by, asked.get("kind") or None, before)))


def _number(name: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise refused(f"{name}: must be the number of an action")
    return int(text) if text else None


def _read(deps: Dependencies, by: int | None, kind: str | None, before: int | None) -> dict[str, Any]:
    with snapshot(deps.engine) as conn:
        who = None if by is None else operator_actions.person_of(conn, by)
        if by is not None and who is None:
            raise refused(f"by: there is no action {by} any more")
        found = operator_actions.latest(conn, PAGE + 1, who=who, action=kind, before=before)
        people = operator_actions.people(conn, PEOPLE)
    rows, more = found[:PAGE], len(found) > PAGE
    return {"rows": [_row(one) for one in rows], "next": rows[-1].id if more else None, "who": who, "people": people}


def _row(action: OperatorAction) -> dict[str, Any]:
    """Return an action for JSON. Its reason is an operator's own text; nothing of a booking's person is in it."""
    ids = action.ids or ()
    return {
        "id": action.id,
        "at": action.asked_at,
        "ended": action.done_at is not None,
        "refused": action.refused is not None,
        "who": action.who,
        "via": action.via,
        "action": action.action,
        "options": {name: value for name, value in action.target.items() if value not in (None, False)},
        "why": action.why,
        "ids": ids[:MOST_IDS],
        "total": len(ids),
        "outcome": answer(action, _UTC),
        "left": left_undone(action),
    }
