"""What is searched: each kind of row, alone, with what may hold it; and accounts that are paused and closed."""

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import ChangeKind
from tests.model.holds.record import Record, Rows, record
from tests.model.holds.state import DEFAULT, SALON, Cause, World


class Deal(NamedTuple):
    """What is dealt: who waits, the causes that may begin, one after the other, and what may be asked for.

    `forgets`: whether Redis may lose what the breaker knows. `closes`: whether the account may be closed.
    """

    beginnings: tuple[World, ...]
    causes: tuple[Cause, ...] = ()
    account: int = DEFAULT
    forgets: bool = False
    closes: bool = False


def _change(kind: ChangeKind, status: ChangeStatus = ChangeStatus.PENDING, **more: object) -> Record:
    return record(kind=kind, status=status, from_uid="uid", idempotency_key="wish", **more)


CONFIRMED = record(status=Status.CONFIRMED, calcom_booking_uid="uid")
ROWS: Mapping[str, Rows] = MappingProxyType(
    {
        "booking": Rows(record(status=Status.PENDING)),
        "cancel": Rows(CONFIRMED, _change(ChangeKind.CANCEL)),
        "move": Rows(CONFIRMED, _change(ChangeKind.RESCHEDULE)),
    }
)
CAUSES: Mapping[str, Cause] = MappingProxyType(
    {"key": Cause.KEY, "page": Cause.PAGE, "settings": Cause.NOWHERE, "hours": Cause.HOURS, "breaker": Cause.SICK}
)
OF_ACCOUNTS: Mapping[str, Cause] = MappingProxyType({"pause": Cause.PAUSE, "encryption key": Cause.UNREADABLE})


def _one_cause() -> Iterator[tuple[str, Deal]]:
    for (kind, rows), (name, cause) in product(ROWS.items(), CAUSES.items()):
        yield f"{kind}, {name}", Deal((World(rows),), (cause,), forgets=True)
    for (kind, rows), (name, cause) in product(ROWS.items(), OF_ACCOUNTS.items()):
        yield f"{kind}, {name}", Deal((World(rows),), (cause,), account=SALON)


def _closed() -> Iterator[tuple[str, Deal]]:
    confirmed, failed = Rows(CONFIRMED), Rows(record(status=Status.FAILED))
    wished = World(confirmed, wishes=2, orders=1)
    yield "closed, wishes", Deal((wished,), (Cause.HOURS,), account=SALON, closes=True)
    yield "closed, retry", Deal((World(failed, left=0, orders=2),), account=SALON, closes=True)
    held = {"hold_reason": HoldReason.CREDENTIALS, "held_for": "key", "held_at": -1}
    left = [World(rows, closed=True, left=0, wishes=1, orders=1) for kind, rows in ROWS.items() if kind != "booking"]
    waits = [Rows(CONFIRMED, _change(kind, ChangeStatus.HELD, **held)) for kind in ChangeKind]
    left += [World(rows, closed=True, left=0) for rows in waits]
    yield "closed before, by an older release", Deal(tuple(left), account=SALON, closes=True)


DEALS: Mapping[str, Deal] = MappingProxyType({**dict(_one_cause()), **dict(_closed())})
