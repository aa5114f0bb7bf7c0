"""The tables of docs/promises.md, "What may end a change": one phrase for each act, and rows of acts as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.changes.evidence import ChangeAct

PROMISES = Path(__file__).parents[3] / "docs" / "promises.md"
WORDS: Mapping[ChangeAct, str] = {
    ChangeAct.LOOK: "lookup",
    ChangeAct.ASK_SLOTS: "ask for the slots",
    ChangeAct.ASK_LIST: "list our reference",
    ChangeAct.ASK_ANOTHER: "ask for another booking of ours",
    ChangeAct.POST_AGAIN: "the same POST again, at a retry",
    ChangeAct.RETRY: "nothing done: the same POST again, at a retry",
    ChangeAct.FOLLOW: "cancel it there",
    ChangeAct.NEXT_WEEK: "cancel that week, with all that follow if they are meant",
    ChangeAct.HOLD: "held",
    ChangeAct.HOLD_UNKNOWN: "held(configuration), unknown",
    ChangeAct.DONE: "done",
    ChangeAct.DONE_NOT_FOUND: "done: not found at Cal.com",
    ChangeAct.DONE_BESIDE: "done; the old one is a double, and is cancelled",
    ChangeAct.DONE_TWICE: "done; the other one is a double",
    ChangeAct.REFUSE: "refused, in Cal.com's words",
    ChangeAct.REFUSE_OVER: "refused: it is over",
    ChangeAct.REFUSE_NOT_ALLOWED: "refused: not allowed",
    ChangeAct.REFUSE_FULL: "refused: no seat is left",
    ChangeAct.REFUSE_OTHER_BOOKING: "refused: another booking then",
    ChangeAct.REFUSE_MOVED: "refused: moved meanwhile",
    ChangeAct.REFUSE_MOVED_UNSEEN: "refused: moved meanwhile; a person must look",
    ChangeAct.REFUSE_CANCELLED: "refused: cancelled there",
    ChangeAct.REFUSE_NOT_FOUND: "refused: not found at Cal.com",
    ChangeAct.REFUSE_NO_WEEK: "refused: no week begins then",
    ChangeAct.REFUSE_BEGUN: "refused: the week has begun",
    ChangeAct.BOOK_AGAIN: "lost: booked again",
    ChangeAct.BLIND: "held(blind_key)",
    ChangeAct.EXPIRE: "expired",
    ChangeAct.FAIL: "failed: it stands as before",
    ChangeAct.UNREACHABLE: "held(unreachable)",
}


def rendered(head: Sequence[str], rows: Mapping[str, Iterable[ChangeAct]]) -> str:
    """Return a table of Markdown: a row for each name, a cell for each act."""
    lines = [head, ["---"] * len(head), *([name, *(WORDS[act] for act in acts)] for name, acts in rows.items())]
    return "\n".join(f"|{'|'.join(cells)}|" if cells[0] == "---" else f"| {' | '.join(cells)} |" for cells in lines)


def document() -> str:
    """Return docs/promises.md."""
    return PROMISES.read_text("utf-8")
