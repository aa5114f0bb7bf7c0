"""Who changes his mind: which of the confirmed bookings are cancelled or moved, how often, and what a host does before.

All of it is drawn from the seed and the booking's number, so that people at Cal.com leave these bookings alone, too: a
person who changes a booking in the very moment of our call is what no promise covers (docs/promises.md).
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SHARE = 1 / 3  # of the confirmed bookings
CANCELS, TWICE, HOST_FIRST, REVIVED = 0.4, 0.3, 0.2, 0.3  # chances
DEEDS = ("move", "cancel", "decline")  # of a host; a booking that waits for nobody is not declined
EACH = 4  # hours apart are the new times of two bookings
SHARED = 3  # seats of so many bookings are moved to one time
_HOURS, _HOSTS_HOURS = datetime(2030, 8, 1, tzinfo=UTC), datetime(2040, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Wishes:
    """What is wished of one booking, in this order: `cancels` has a word for each wish, False a move.

    `deed`: what a host does before the first one. `revived`: he revives the booking once it is cancelled.
    """

    cancels: tuple[bool, ...]
    deed: str | None = None
    revived: bool = False


def is_drawn(seed: int, booking: int) -> bool:
    """Return whether a booking is changed, if it is confirmed."""
    return _rng(seed, booking).random() < SHARE


def wishes(seed: int, booking: int, *, series: bool, seat: bool) -> Wishes:
    """Return what is wished of a booking that is drawn: a series is only cancelled, a seat once and by no host."""
    rng = _rng(seed, booking)
    rng.random()
    first, twice, second = rng.random() < CANCELS, rng.random() < TWICE, rng.random() < CANCELS
    deed, revived = rng.choice(DEEDS) if rng.random() < HOST_FIRST else None, rng.random() < REVIVED
    if series:
        return Wishes((True,))
    if seat:
        return Wishes((first,))
    return Wishes((first, second) if twice and not first else (first,), deed, revived)


def start_of(booking: int, nth: int, *, seat: bool) -> datetime:
    """Return the start that the nth wish of a booking asks for; seats of several bookings meet there."""
    number = booking // SHARED * SHARED if seat else booking
    return _HOURS + timedelta(hours=number * EACH + nth)


def hosts_start(booking: int) -> datetime:
    """Return the start to which a host moves a booking."""
    return _HOSTS_HOURS + timedelta(hours=booking)


def _rng(seed: int, booking: int) -> random.Random:
    return random.Random(f"{seed} changes {booking}")  # noqa: S311 - chance for wishes
