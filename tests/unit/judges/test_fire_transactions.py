"""The judge of a host's transactions sees each way in which an order, its booking and its end may not be one."""

from datetime import UTC, datetime

import pytest

from tests.chaos.books import Line, Row
from tests.chaos.processes.host import Fate
from tests.chaos.transactions import unbooked, unheard, unlike

AT = datetime(2030, 1, 7, 9, tzinfo=UTC)
ROW = Row(id=7, reference="r7", status="confirmed", ends=((AT, "confirmed"),))
TWICE = Row(id=7, reference="r7", status="confirmed", ends=((AT, "failed"), (AT, "confirmed")))
LINE = Line(reference="r7", uid="u1", made=AT)


@pytest.mark.parametrize(
    ("fates", "orders", "rows", "says"),
    [
        ({}, {1: 7}, [], "there is no row"),
        ({}, {}, [ROW], "was not committed, and it is there"),
        ({1: Fate.ROLLED_BACK}, {1: 7}, [ROW], "rolled back, and it is there"),
        ({1: Fate.KILLED_BEFORE}, {1: 7}, [ROW], "and it is there"),
        ({1: Fate.KILLED_AFTER}, {}, [], "and it is not there"),
        ({1: Fate.WHILE_DOWN}, {}, [], "and it is not there"),
    ],
)
def test_an_order_and_its_booking_are_there_together_or_not_at_all(
    fates: dict[int, Fate], orders: dict[int, int], rows: list[Row], says: str
) -> None:
    """As the transaction's fate says."""
    [found] = unlike(fates, orders, rows)
    assert says in found


def test_what_is_as_it_should_be_is_not_reported() -> None:
    """Committed and there, or neither."""
    fates = {1: Fate.COMMITTED, 2: Fate.ROLLED_BACK, 3: Fate.KILLED_AFTER}
    assert list(unlike(fates, {1: 7, 3: 8}, [ROW, Row(id=8, reference="r8", status="confirmed")])) == []
    assert list(unbooked([ROW], {"r7": [LINE]})) == []


@pytest.mark.parametrize("lines", [[], [LINE, LINE]])
def test_what_is_not_booked_exactly_once_is_found(lines: list[Line]) -> None:
    """Not at all, or twice."""
    assert list(unbooked([ROW], {"r7": lines})) == [f"booking 7: confirmed, and booked {len(lines)} times"]


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ([], False),
        (["failed"], False),
        (["confirmed", "failed"], False),
        (["failed", "confirmed", "failed"], False),
        (["rejected", "confirmed"], False),
        (["confirmed"], True),
        (["failed", "confirmed"], True),
        (["failed", "failed", "confirmed", "confirmed"], True),
    ],
)
def test_ends_are_heard_up_to_the_last_and_in_order(told: list[str], right: bool) -> None:  # noqa: FBT001 - a case
    """They may come again, and one may be over before it is heard."""
    assert (list(unheard("listener", [(7, status) for status in told], [TWICE])) == []) is right
