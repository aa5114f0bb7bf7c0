"""The tables of docs/evidence.md, "What may end a change": one phrase for each act, and rows of acts as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tasks.changes.evidence.case import ChangeStep

EVIDENCE = Path(__file__).parents[3] / "docs" / "evidence.md"
WORDS: Mapping[ChangeStep, str] = {
    ChangeStep.LOOK: "lookup",
    ChangeStep.ASK_SLOTS: "ask slots",
    ChangeStep.ASK_LIST: "list",
    ChangeStep.ASK_ANOTHER: "ask another",
    ChangeStep.POST_AGAIN: "POST again",
    ChangeStep.RETRY: "retry",
    ChangeStep.FOLLOW: "cancel it there",
    ChangeStep.NEXT_WEEK: "cancel that week",
    ChangeStep.HOLD: "held",
    ChangeStep.HOLD_UNKNOWN: "held(configuration), unknown",
    ChangeStep.DONE: "done",
    ChangeStep.DONE_NOT_FOUND: "done: not found",
    ChangeStep.DONE_BESIDE: "done: old one doubled",
    ChangeStep.DONE_TWICE: "done: other one doubled",
    ChangeStep.REFUSE: "refused",
    ChangeStep.REFUSE_OVER: "refused: over",
    ChangeStep.REFUSE_NOT_ALLOWED: "refused: not allowed",
    ChangeStep.REFUSE_FULL: "refused: full",
    ChangeStep.REFUSE_OTHER_BOOKING: "refused: another booking",
    ChangeStep.REFUSE_MOVED: "refused: moved",
    ChangeStep.REFUSE_MOVED_UNSEEN: "refused: moved, unseen",
    ChangeStep.REFUSE_CANCELLED: "refused: cancelled",
    ChangeStep.REFUSE_NOT_FOUND: "refused: not found",
    ChangeStep.REFUSE_NO_WEEK: "refused: no week",
    ChangeStep.REFUSE_BEGUN: "refused: begun",
    ChangeStep.BOOK_AGAIN: "lost: booked again",
    ChangeStep.BLIND: "held(blind_key)",
    ChangeStep.EXPIRE: "expired",
    ChangeStep.FAIL: "failed",
    ChangeStep.UNREACHABLE: "held(unreachable)",
}


def rendered(head: Sequence[str], rows: Mapping[str, Iterable[ChangeStep]]) -> str:
    """Return a table of Markdown: a row for each name, a cell for each act."""
    lines = [head, ["---"] * len(head), *([name, *(WORDS[act] for act in acts)] for name, acts in rows.items())]
    return "\n".join(f"|{'|'.join(cells)}|" if cells[0] == "---" else f"| {' | '.join(cells)} |" for cells in lines)


def document() -> str:
    """Return docs/evidence.md."""
    return EVIDENCE.read_text("utf-8")
