"""The tables of docs/promises.md, "What may end a change": one phrase for each act, and rows of acts as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.changes.evidence.case import ChangeStep

PROMISES = Path(__file__).parents[3] / "docs" / "promises.md"
WORDS: Mapping[ChangeStep, str] = {
    ChangeStep.LOOK: "lookup",
    ChangeStep.ASK_SLOTS: "ask for the slots",
    ChangeStep.ASK_LIST: "list our reference",
    ChangeStep.ASK_ANOTHER: "ask for another booking of ours",
    ChangeStep.POST_AGAIN: "the same POST again, at a retry",
    ChangeStep.RETRY: "nothing done: the same POST again, at a retry",
    ChangeStep.FOLLOW: "cancel it there",
    ChangeStep.NEXT_WEEK: "cancel that week, with all that follow if they are meant",
    ChangeStep.HOLD: "held",
    ChangeStep.HOLD_UNKNOWN: "held(configuration), unknown",
    ChangeStep.DONE: "done",
    ChangeStep.DONE_NOT_FOUND: "done: not found at Cal.com",
    ChangeStep.DONE_BESIDE: "done; the old one is a double, and is cancelled",
    ChangeStep.DONE_TWICE: "done; the other one is a double",
    ChangeStep.REFUSE: "refused, in Cal.com's words",
    ChangeStep.REFUSE_OVER: "refused: it is over",
    ChangeStep.REFUSE_NOT_ALLOWED: "refused: not allowed",
    ChangeStep.REFUSE_FULL: "refused: no seat is left",
    ChangeStep.REFUSE_OTHER_BOOKING: "refused: another booking then",
    ChangeStep.REFUSE_MOVED: "refused: moved meanwhile",
    ChangeStep.REFUSE_MOVED_UNSEEN: "refused: moved meanwhile; a person must look",
    ChangeStep.REFUSE_CANCELLED: "refused: cancelled there",
    ChangeStep.REFUSE_NOT_FOUND: "refused: not found at Cal.com",
    ChangeStep.REFUSE_NO_WEEK: "refused: no week begins then",
    ChangeStep.REFUSE_BEGUN: "refused: the week has begun",
    ChangeStep.BOOK_AGAIN: "lost: booked again",
    ChangeStep.BLIND: "held(blind_key)",
    ChangeStep.EXPIRE: "expired",
    ChangeStep.FAIL: "failed: it stands as before",
    ChangeStep.UNREACHABLE: "held(unreachable)",
}


def rendered(head: Sequence[str], rows: Mapping[str, Iterable[ChangeStep]]) -> str:
    """Return a table of Markdown: a row for each name, a cell for each act."""
    lines = [head, ["---"] * len(head), *([name, *(WORDS[act] for act in acts)] for name, acts in rows.items())]
    return "\n".join(f"|{'|'.join(cells)}|" if cells[0] == "---" else f"| {' | '.join(cells)} |" for cells in lines)


def document() -> str:
    """Return docs/promises.md."""
    return PROMISES.read_text("utf-8")
