"""The list of operators' actions: who did what, by which way, why, its outcome and what it left undone."""

from typing import Any
from zoneinfo import ZoneInfo

from db.monitoring import operator_actions
from db.monitoring.operator_actions import OperatorAction
from tasks.dependencies import Dependencies
from tasks.operations.answers import answer, left_undone
from worker.page.base import PrivateHandler
from worker.page.query import LONGEST_TEXT, refused
from worker.page.reading import readers

PAGE = 50
MOST_IDS = 200  # bookings of one action that its link names
_ARGUMENTS = ("who", "kind", "before")
_UTC = ZoneInfo("UTC")


class ActionsData(PrivateHandler):
    """One page of the operators' actions, the newest first."""

    async def get(self) -> None:
        """Answer with them; `next` is what the next page begins `before`."""
        asked = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        if unknown := sorted(asked.keys() - set(_ARGUMENTS)):
            raise refused(f"{unknown[0]}: there is no such filter; there are {', '.join(_ARGUMENTS)}")
        if any(len(value) > LONGEST_TEXT for value in asked.values()):
            raise refused("a filter is too long")
        before = asked.get("before") or ""
        if before and not (before.isascii() and before.isdecimal() and len(before) < 19):
            raise refused("before: no page has given this; begin with the first page")
        found = await readers().run(
            lambda deps: _latest(deps, asked.get("who") or None, asked.get("kind") or None, int(before or 0) or None)
        )
        rows, more = found[:PAGE], len(found) > PAGE
        self.answer({"rows": [_row(one) for one in rows], "next": rows[-1].id if more else None})


def _latest(deps: Dependencies, who: str | None, kind: str | None, before: int | None) -> list[OperatorAction]:
    with deps.autocommit.connect() as conn:
        return operator_actions.latest(conn, PAGE + 1, who=who, action=kind, before=before)


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
