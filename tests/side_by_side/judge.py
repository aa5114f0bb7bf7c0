"""Judge two versions that worked side by side: by Cal.com's books and journal, and by the record of the breaker. Pure.

Times are seconds of this machine's monotonic clock, as in the simulator's journal.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from worker.local.demo.judge import DemoVerdict
from worker.local.demo.outage import IN_FLIGHT, SAME_TIME

SIDES = ("old", "new")
CHANGES = ("bookings.cancel", "bookings.reschedule")
SHUT = ("open", "forced_open")
FOR_EVER = float("inf")


@dataclass(frozen=True)
class Call:
    """One call that reached Cal.com; `side` is whose code made it."""

    at: float
    side: str
    endpoint: str


@dataclass(frozen=True)
class Change:
    """One change of a breaker's state; `endpoint` None: the service's own, which is every call's."""

    at: float
    old: str
    new: str
    endpoint: str | None = None


@dataclass(frozen=True)
class Sentence:
    """What is wrong, in a line a case; all empty when every promise was kept."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]
    while_open: tuple[str, ...]
    second_probes: tuple[str, ...]
    not_one: tuple[str, ...]
    """Where the record is not that of one breaker: each version kept its own."""
    seen: tuple[str, ...]
    """Changes that the old version sent, though it does not know them."""
    not_met: tuple[str, ...]
    """What did not happen at all, so that nothing can be said of it."""

    @property
    def kept(self) -> bool:
        """Say whether every promise was kept, and put to the test."""
        return not any(
            (self.lost, self.twice, self.while_open, self.second_probes, self.not_one, self.seen, self.not_met)
        )


def judge(
    verdict: DemoVerdict,
    held: Sequence[int],
    calls: Sequence[Call],
    changes: Sequence[Change],
    *,
    old_knows_changes: bool = False,
) -> Sentence:
    """Judge a run; `held` are the bookings that waited for somebody at its end, `changes` come in their order.

    `old_knows_changes`: the old version cancels and moves bookings as well.
    """
    return Sentence(
        lost=(*verdict.lost, *verdict.unfinished, *(f"booking {one}: still held" for one in held)),
        twice=verdict.doubled,
        while_open=tuple(_while_open(calls, changes)),
        second_probes=tuple(_second_probes(calls, changes)),
        not_one=tuple(_not_one(changes)),
        seen=() if old_knows_changes else tuple(_seen_by_old(calls)),
        not_met=tuple(_not_met(calls, changes)),
    )


def windows(changes: Sequence[Change]) -> int:
    """Count how often the service's breaker let a probe through."""
    return sum(change.new == "half_open" and change.endpoint is None for change in changes)


def _intervals(changes: Sequence[Change]) -> Iterator[tuple[Change, float]]:
    """Give each state with the moment at which the next one begins, breaker by breaker."""
    for endpoint in dict.fromkeys(change.endpoint for change in changes):
        own = [change for change in changes if change.endpoint == endpoint]
        yield from ((change, following.at) for change, following in pairwise(own))
        yield own[-1], FOR_EVER


def _between(calls: Sequence[Call], change: Change, begins: float, ends: float) -> list[Call]:
    return [call for call in calls if begins < call.at < ends and change.endpoint in (None, call.endpoint)]


def _while_open(calls: Sequence[Call], changes: Sequence[Change]) -> Iterator[str]:
    """Find calls that nothing excuses: what was permitted before a trip may still be on its way."""
    for change, ends in _intervals(changes):
        if change.new in SHUT:
            grace = SAME_TIME if change.old == "half_open" else IN_FLIGHT
            for call in _between(calls, change, change.at + grace, ends - SAME_TIME):
                late = call.at - change.at
                yield f"the {call.side} version called {call.endpoint} {late:.2f} s after {_name(change)} opened"


def _second_probes(calls: Sequence[Call], changes: Sequence[Change]) -> Iterator[str]:
    for change, ends in _intervals(changes):
        probes = _between(calls, change, change.at - SAME_TIME, ends - SAME_TIME)
        if change.new == "half_open" and len(probes) > 1:
            whose = ", ".join(f"{call.side} {call.endpoint}" for call in probes)
            yield f"{len(probes)} probes in one window of {_name(change)}: {whose}"


def _not_one(changes: Sequence[Change]) -> Iterator[str]:
    """Find changes that do not begin where the last one ended: two breakers in one outage move alike."""
    for endpoint in dict.fromkeys(change.endpoint for change in changes):
        own = [change for change in changes if change.endpoint == endpoint]
        for change, following in pairwise(own):
            if following.old != change.new:
                yield f"{_name(change)} was {change.new}, and {following.old} when it became {following.new}"


def _seen_by_old(calls: Sequence[Call]) -> Iterator[str]:
    for call in calls:
        if call.side == "old" and call.endpoint in CHANGES:
            yield f"the old version called {call.endpoint}"


def _not_met(calls: Sequence[Call], changes: Sequence[Change]) -> Iterator[str]:
    made = Counter(call.side for call in calls)
    yield from (f"the {side} version called nobody" for side in SIDES if not made[side])
    yield from (f"somebody unknown called: {side}" for side in made if side not in SIDES)
    yield from (f"nobody called {name}" for name in CHANGES if name not in {call.endpoint for call in calls})
    if windows(changes) < 2:
        yield "the breaker let no two probes through: the outage was too short, or nobody noticed it"
    if (changes := [change for change in changes if change.endpoint is None]) and changes[-1].new != "closed":
        yield f"the breaker ended {changes[-1].new}"


def _name(change: Change) -> str:
    return change.endpoint or "the breaker"
