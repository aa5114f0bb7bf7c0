"""What the release window of a breaker calls the rows that it lets go: of both kinds, in one line."""

from collections.abc import Iterable

from db.queue.kinds import KINDS, Row, RowKind, Worked


def item(kind: RowKind[Row], row_id: int) -> str:
    """Return the item of a row's id."""
    return f"{kind.letter}{row_id}"


def item_of(row: Worked) -> str:
    """Return the item of a row."""
    return next(item(kind, row.id) for kind in KINDS if isinstance(row, kind.row))


def ids_of(kind: RowKind[Row], items: Iterable[str]) -> list[int]:
    """Return the ids of the rows of a kind among the items."""
    letters = len(kind.letter)
    return [int(one[letters:]) for one in items if one[:letters] == kind.letter and one[letters:].isdecimal()]
