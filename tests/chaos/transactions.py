"""Judge a host's transactions and what its listeners heard: an order, a booking and an end belong together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from db.lifecycle import FINAL
from tests.chaos.books import References, Row
from tests.chaos.processes import host, listener
from tests.chaos.processes.host import NOT_THERE, Fate

if TYPE_CHECKING:
    from tests.chaos.environment import ChaosEnvironment

ENDS = tuple(sorted(map(str, FINAL)))
Heard = Sequence[tuple[int, str]]


def missing(environment: "ChaosEnvironment", each: int) -> dict[Fate, int]:
    """Return how many transactions of each fate are still to come."""
    met = host.met(environment.orders_file)
    return {fate: each - met[fate] for fate in Fate if met[fate] < each}


def all_heard(environment: "ChaosEnvironment") -> bool:
    """Return whether each listener has heard each end that there is."""
    ended = {one for (one,) in environment.sql(f"SELECT id FROM appointments WHERE status IN {ENDS}")}  # noqa: S608 - constants
    return all(ended <= {one for one, _ in listener.heard(file)} for file in environment.heard_files.values())


def judge(environment: "ChaosEnvironment", rows: Sequence[Row], made: References) -> Iterator[str]:
    """Find what a host has committed and is not booked once, what it has not and is there, and ends not heard."""
    orders = dict(environment.sql("SELECT number, booking FROM orders"))
    for fate, count in missing(environment, environment.part.bookings).items():
        yield f"transactions: {count} too few were {fate}"
    yield from unlike(host.journal(environment.orders_file), orders, rows)
    yield from unbooked(rows, made)
    for name, file in environment.heard_files.items():
        yield from unheard(name, listener.heard(file), rows)


def unlike(fates: Mapping[int, Fate], orders: Mapping[int, int], rows: Sequence[Row]) -> Iterator[str]:
    """Find orders without their booking, bookings without an order, and transactions against their fate."""
    ids = {row.id for row in rows}
    for number, booking in orders.items():
        if booking not in ids:
            yield f"booking {booking}: committed with order {number}, and there is no row"
    for booking in sorted(ids.difference(orders.values())):
        yield f"booking {booking}: its transaction was not committed, and it is there"
    for number, fate in fates.items():
        if (number in orders) is (fate in NOT_THERE):
            there = "there" if number in orders else "not there"
            yield f"order {number}: {fate}, and it is {there}"


def unbooked(rows: Sequence[Row], made: References) -> Iterator[str]:
    """Find rows that Cal.com has not booked exactly once, though it refuses none; what is booked may be cancelled."""
    for row in rows:
        count = sum(line.moved_from is None for line in made.get(row.reference, ()))
        if count != 1 or all(status != "confirmed" for _, status in row.ends):
            yield f"booking {row.id}: {row.status}, and booked {count} times"


def unheard(name: str, heard: Heard, rows: Sequence[Row]) -> Iterator[str]:
    """Find ends that a listener did not hear, or heard in another order than they came in."""
    told: dict[int, list[str]] = {}
    for one, status in heard:
        told.setdefault(one, []).append(status)
    for row in rows:
        ends = [status for _, status in row.ends]
        if ends and row.id not in told:
            yield f"booking {row.id}: {ends[-1]}, and the {name} did not hear of it"
        elif not _in_order(told.get(row.id, []), ends):
            yield f"booking {row.id}: {', '.join(ends)}, and the {name} heard {', '.join(told[row.id])}"


def _in_order(told: Sequence[str], ends: Sequence[str]) -> bool:
    """Return whether what was heard goes through the ends in their order, up to the last: it may repeat and skip."""
    at = 0
    for status in told:
        while at < len(ends) and ends[at] != status:
            at += 1
        if at == len(ends):
            return False
    return at >= len(ends) - 1
