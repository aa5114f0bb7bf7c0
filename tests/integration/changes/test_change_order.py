"""Which change waits for another one: the statement of the claim, held to the rule that the model searches."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from sqlalchemy import func, update

from db.changes import moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tests.model.changes.order import OpenChange, must_wait
from tests.support.changes import ask_change

STANDS = {
    "never sent": OpenChange(0, 0, "", changing=False, unknown=False, posts=0),
    "at work": OpenChange(0, 0, "", changing=True, unknown=False, posts=1),
    "sent, unknown": OpenChange(0, 0, "", changing=False, unknown=True, posts=1),
    "sent, will be again": OpenChange(0, 0, "", changing=False, unknown=False, posts=1),
}
"""How a change may stand that is not over; a wish of one booking withdraws an earlier one that was not sent."""


@pytest.fixture
def asked(record: Any) -> Any:
    """Ask for a change of a booking at Cal.com, as it stands."""

    def ask(row: Any, stand: OpenChange) -> BookingChange:
        with record.engine.begin() as conn:
            one = ask_change(conn, row)
            columns: dict[str, Any] = {"posts": stand.posts, "outcome_unknown": stand.unknown}
            if stand.unknown:
                columns |= {"settle_at": func.now(), "ends_at": func.now()}
            if stand.changing:
                assert moves.claim(conn, one.id, lease_seconds=50, released=False) is not None
            elif stand.posts:
                columns["status"] = ChangeStatus.RETRYING
            conn.execute(update(booking_changes).where(booking_changes.c.id == one.id).values(**columns))
        return one

    return ask


SAME, SEAT, ELSEWHERE = "the same booking", "another seat of it", "another uid"
KEEPS_THE_UID = {"at work", "sent, unknown"}
CASES = [
    (other, one, where)
    for other, one, where in product(STANDS, STANDS, (SAME, SEAT, ELSEWHERE))
    if one != "at work" and (where == ELSEWHERE or not {other, one} <= KEEPS_THE_UID)
]
"""Of two that keep one uid Postgres refuses the second (test_db_changes.py)."""


@pytest.mark.parametrize(("other", "one", "where"), CASES)
def test_the_claim_decides_as_the_rule(record: Any, asked: Any, other: str, one: str, where: str) -> None:
    """The other one was asked for earlier."""
    mine = record.moved(Status.CONFIRMED, calcom_booking_uid="a")
    theirs = mine
    if where != SAME:
        theirs = record.moved(Status.CONFIRMED, calcom_booking_uid="a" if where == SEAT else "b")
    earlier, wanted = (asked(row, STANDS[stand]) for row, stand in ((theirs, other), (mine, one)))
    uid = "b" if where == ELSEWHERE else "a"
    others = [replace(STANDS[other], number=earlier.id, booking=theirs.id, uid=uid)]

    with record.engine.begin() as conn:
        claimed = moves.claim(conn, wanted.id, lease_seconds=50, released=False)

    waits = must_wait(replace(STANDS[one], number=wanted.id, booking=mine.id, uid="a"), others)
    assert (claimed is None) is waits
