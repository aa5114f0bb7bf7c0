"""The cells of the tables of a change, and why some of them do not occur in the model."""

from collections.abc import Iterator

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.changes.evidence.case import ChangeStep, Shown
from tests.unit.changes import test_cancel_evidence, test_reschedule_evidence

Cell = tuple[str, str, ChangeStep]
A, Act = ChangeAnswer, ChangeStep
_AS_IT_WAS = "nothing was done, and the change waits as it was"
_AT_ONCE = "the slots, and another booking of ours, are shown at once"
_NO_LIMITS = "the model has no limit, no notice and no bounds"
_WHY: dict[str | ChangeStep, str] = {
    Act.HOLD: _AS_IT_WAS,
    Act.HOLD_UNKNOWN: "Cal.com and the key are ours",
    Act.ASK_SLOTS: _AT_ONCE,
    Act.ASK_ANOTHER: _AT_ONCE,
    Act.EXPIRE: "no start is near",
    Act.DONE_NOT_FOUND: "no organizer of the model is deleted",
    A.NOT_ALLOWED: "no type of the model forbids cancelling",
    A.SEAT_ELSEWHERE: "the model's people move no seat into another booking",
}
_CELLS: dict[Cell, str] = {
    ("reschedule", Shown.UNREADABLE, Act.LOOK): "the model's lookups are answered",
    ("cancel", Shown.NO_WEEK, Act.LOOK): "a replica of the model shows all weeks, or none",
    ("cancel", Shown.BEGUN, Act.LOOK): "no week of the model begins while it is cancelled",
    ("reschedule", A.NOT_FOUND, Act.REFUSE_NOT_FOUND): _WHY[Act.DONE_NOT_FOUND],
    ("cancel", Shown.ALIVE, Act.REFUSE_NOT_ALLOWED): _WHY[A.NOT_ALLOWED],
    ("reschedule", A.REFUSED, Act.REFUSE): _NO_LIMITS,
    ("reschedule", A.REFUSED, Act.LOOK): _NO_LIMITS,
    ("reschedule", A.TAKEN, Act.RETRY): "a stranger of the model keeps his time",
}


def all_cells() -> Iterator[Cell]:
    """Yield what was asked for, what Cal.com answered or showed, and what follows."""
    for asked, tables in (("cancel", test_cancel_evidence), ("reschedule", test_reschedule_evidence)):
        for table in (tables.ANSWERS, tables.LOOKS):
            for of, _, acts in table.values():
                yield from ((asked, str(of), act) for act in acts)


def why_it_cannot_occur(cell: Cell) -> str | None:
    """Return why the model never reads a cell; None: it may."""
    return _CELLS.get(cell) or _WHY.get(cell[1]) or _WHY.get(cell[2])
