"""What can happen next to who waits: workers, the release, the harmless call, callers, operators, and the world."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from resilience.circuit_breaker.types import State
from tests.model.holds.deals import Deal
from tests.model.holds.product import Done, Product
from tests.model.holds.state import NO_MARKS, Cause, Marks, World
from tests.model.search import TICK, Kind, Step

NOTED = "noted for a closed account"
AGAIN = "sent again for a closed account"
OVER_OPEN = "closed over what is open"
# What the breaker knows once others have met a cause, and their recovery has asked.
MET: Mapping[Cause, Mapping[str, bool]] = MappingProxyType(
    {
        Cause.KEY: {"blocked": True},
        Cause.PAGE: {"paged": True},
        Cause.NOWHERE: {"paged": True, "wrong": True},
        Cause.HOURS: {"throttled": True},
    }
)


class Holds:
    """The steps out of the states of one deal; the rows are written on a connection, in a transaction that is open."""

    def __init__(self, deal: Deal, conn: Connection) -> None:
        self.deal, self.product = deal, Product(conn, deal.account)

    def searched(self) -> AbstractContextManager[None]:
        """Have everything in place that the product needs."""
        return self.product.dealt()

    def beginnings(self) -> Iterator[Step]:
        """Yield the first states."""
        for world in self.deal.beginnings:
            yield Step("somebody waits", Kind.FAIR, world)

    def canonical(self, world: World) -> World:
        """Keep a state as it is."""
        return world

    def describe(self, step: Step, world: World) -> tuple[str, World]:
        """Return the words of a step, and the state after it."""
        return step.text, world

    def over(self, world: World) -> bool:
        """Say whether nobody waits, or a person is told that only he can end it."""
        return not world.rows.is_open or (world.closed and self.product.is_told(world))

    def following(self, world: World) -> Iterator[Step]:
        """Yield every step out of a state."""
        rows = world.rows
        yield from self._world(world)
        if rows.is_pending:
            yield self._after("a worker takes it", world, self.product.work(world))
        if rows.is_held:
            yield self._after("the release runs", world, self.product.let_go(world))
            yield self._after("recovery asks", world, self.product.ask_again(world))
        if rows.is_open and rows.later() != rows:
            yield Step(TICK, Kind.FAIR, world._replace(rows=rows.later()))
        if world.wishes:
            yield from self._wishes(world)
        if world.orders:
            yield from self._orders(world)

    def _after(self, text: str, world: World, done: Done, kind: Kind = Kind.FAIR, **more: Any) -> Step:
        return Step(text, kind, world._replace(rows=done.rows, marks=done.marks, **more))

    # -- the world -------------------------------------------------------------------------------------------------

    def _world(self, world: World) -> Iterator[Step]:
        marks = world.marks
        if world.cause is not Cause.NONE:
            yield from self._ended(world)
        elif world.left:
            for cause in self.deal.causes:
                begun = marks._replace(state=State.OPEN) if cause is Cause.SICK else marks
                yield Step(cause.value, Kind.FAULT, world._replace(cause=cause, marks=begun, left=world.left - 1))
        yield from self._others(world)
        if self.deal.forgets and marks != NO_MARKS:  # a refused key has a row in Postgres
            yield Step("Redis forgets", Kind.FAULT, world._replace(marks=NO_MARKS._replace(blocked=marks.blocked)))

    def _others(self, world: World) -> Iterator[Step]:
        """Have the POST of somebody else be answered: who waits does not need it, and may meet what it has met."""
        marks = world.marks
        if world.cause in MET:
            yield Step("another one meets it", Kind.FAULT, world._replace(marks=marks._replace(**MET[world.cause])))
        elif world.cause is Cause.NONE and marks == Marks(paged=True):
            yield Step("another one is booked", Kind.FAULT, world._replace(marks=NO_MARKS))

    def _ended(self, world: World) -> Iterator[Step]:
        well = world._replace(cause=Cause.NONE)
        if world.cause is Cause.SICK:
            yield Step("OPEN is over", Kind.FAIR, well._replace(marks=well.marks._replace(state=State.HALF_OPEN)))
            return
        yield Step("that is over", Kind.FAIR, well)
        if world.cause is Cause.KEY:
            yield Step("another key is given", Kind.FAIR, well._replace(key="another key"))
        if world.cause is Cause.NOWHERE:
            yield Step("other settings are given", Kind.FAIR, well._replace(settings="other settings"))

    # -- callers and operators -------------------------------------------------------------------------------------

    def _wishes(self, world: World) -> Iterator[Step]:
        for move in (False, True):
            done = self.product.wish(world, move=move)
            told, change = done.result, done.result.change
            wrong = NOTED if world.closed and told.done and change is not None and not change.over else None
            text = f"{'a move' if move else 'a cancel'} is asked for: {told.outcome}"
            yield self._after(text, world, done, Kind.FAULT, wishes=world.wishes - 1, wrong=wrong)

    def _orders(self, world: World) -> Iterator[Step]:
        left = world.orders - 1
        done = self.product.retry(world)
        wrong = AGAIN if world.closed and done.result.done else None
        yield self._after(f"tried again: {done.result.outcome}", world, done, Kind.FAULT, orders=left, wrong=wrong)
        for yes in (False, True) if self.deal.closes and not world.closed else ():
            done = self.product.close(world, yes=yes)
            if done.result:
                wrong = OVER_OPEN if done.rows.is_open else None
                text = f"the account is closed{', --yes' if yes else ''}"
                yield self._after(text, world, done, Kind.FAULT, orders=left, closed=True, wrong=wrong)
