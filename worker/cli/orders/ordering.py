"""`booking retry` and `booking cancel`: one order for each booking named."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Engine

from worker.cli.orders.orders import Done
from worker.cli.session import engine
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop


class Order(Protocol):
    """Describe what can be ordered."""

    def __call__(self, engine: Engine, id_or_key: str, /, *, not_booked: bool, why: str) -> Done:
        """Carry it out for one booking."""


def run(order: Order, bookings: Sequence[str], *, not_booked: bool, why: str) -> bool:
    """Carry out the order for each, say what became of it, and return whether each was done."""
    database = engine()
    with listening(screen.note):
        done = [
            _one(order, database, id_or_key, not_booked=not_booked, why=why) for id_or_key in dict.fromkeys(bookings)
        ]
    for one in done:
        (screen.say if one.ok else screen.note)(one.said)
    return all(one.ok for one in done)


def _one(order: Order, database: Engine, id_or_key: str, *, not_booked: bool, why: str) -> Done:
    """Carry out the order for one booking; a name that nobody has keeps the others from nothing."""
    try:
        return order(database, id_or_key, not_booked=not_booked, why=why)
    except Stop as unclear:
        return Done(ok=False, said=str(unclear))
