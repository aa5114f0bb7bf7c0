"""What a caller of the breaker asks for, is given, and reports."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """The state of a breaker; the comment says who moves it on."""

    CLOSED = "closed"  # the failure that fills the window; an operator
    OPEN = "open"  # the first to ask when its time is over; an operator
    HALF_OPEN = "half_open"  # the outcome of the one probe; an operator
    FORCED_OPEN = "forced_open"  # the first to ask after the end the operator gave; an operator
    OFF = "off"  # the same


class CallOutcome(StrEnum):
    """What came of a call, as far as the breaker cares."""

    SUCCESS = "success"
    FAILURE_SERVICE = "failure_service"  # no connection, no answer, or a proxy's word that nobody is behind it
    FAILURE_ENDPOINT = "failure_endpoint"  # the service lives, this endpoint failed
    THROTTLED = "throttled"  # over the rate limit: nothing goes for `retry_after`
    CREDENTIALS = "credentials"  # our key was refused: nothing goes with it any more
    CONFIGURATION = "configuration"  # something else than the service answered
    IGNORED = "ignored"  # nothing was sent, or the answer says nothing about the service


class Reason(StrEnum):
    """Why a call was denied, or nothing may be released."""

    BREAKER_OPEN = "breaker_open"
    THROTTLED = "throttled"
    CREDENTIALS = "credentials"
    CONFIGURATION = "configuration"  # what answers is not the service; see `acquire(trial=True)`
    IN_FLIGHT = "in_flight"  # release only: the window is full


class Permit(NamedTuple):
    """The right to make one call; hand it back with `record`, whatever came of it."""

    endpoint: str
    owner: str
    item: str
    service_epoch: int
    endpoint_epoch: int
    window: int
    """The number of the rate limit's window, as it was when the permit was given."""
    granted_at: int
    """Milliseconds of Redis's clock."""
    state: State
    """Of the service when it was given."""
    probe: bool = False
    released: bool = False
    trial: bool = False
    """The one call that a blocked key or a wrong configuration lets through."""
    shared: bool = True
    """False: given by this process alone, for Redis was gone."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The call must not go. Falsy, so that `if not permit` reads as it should."""

    reason: Reason
    retry_after: float | None
    """Seconds after which to ask again; None: when an operator has acted."""
    state: State
    epoch: int
    endpoint_state: State = State.CLOSED

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state that this very call brought about."""

    endpoint: str | None
    old: State
    new: State
    epoch: int
    reason: str
    failures: int


class Recorded(NamedTuple):
    """What a report led to."""

    state: State
    epoch: int
    endpoint_state: State
    changes: tuple[Change, ...] = ()
    room: int = 0
    """Held items that may be released now; told only for a permit that had an item."""
    opened: bool = False
    """This outcome opened a breaker."""
    closed: bool = False
    """It closed one."""
    may_go: bool = True
    """Both breakers let calls through, were one to ask now."""


def recorded(
    state: State, epoch: int, endpoint_state: State, changes: tuple[Change, ...] = (), room: int = 0
) -> Recorded:
    """Return what a report led to, where more than a closed breaker is to be told."""
    shut = {State.OPEN, State.FORCED_OPEN} & {state, endpoint_state}
    return Recorded(
        state,
        epoch,
        endpoint_state,
        changes,
        room,
        opened=any(change.new is State.OPEN for change in changes),
        closed=any(change.new is State.CLOSED for change in changes),
        may_go=state is State.OFF or not shut,
    )


@dataclass(frozen=True, slots=True)
class Released:
    """Which held items may be sent now, and how many more could be."""

    items: tuple[str, ...]
    room: int
    reason: Reason | None
    """Why no more, when `room` is 0 and that is not because all were taken."""
    retry_after: float | None
    """Seconds after which to ask again when nothing may go; None: when an operator has acted."""
    state: State
    endpoint_state: State


class OverrideKind(StrEnum):
    """What an operator can have the breaker do."""

    OPEN = "open"
    OFF = "off"
    AUTO = "auto"
    RESET = "reset"
    BLOCK = "block"  # a key that Cal.com refuses


@dataclass(frozen=True, slots=True)
class OperatorOverride:
    """What an operator has the breaker do.

    `number` is its row's id, 0 one that was never written down; `action` is the id of the action that asked for it, 0
    where none did.
    """

    kind: OverrideKind
    by: str
    why: str
    until: datetime | None = None
    number: int = 0
    fingerprint: str = ""
    action: int = 0


class QuotaHeaders(NamedTuple):
    """What an answer's X-RateLimit headers tell, of the limit with the most calls left."""

    limit: int
    remaining: int
    reset_after: float
    """Seconds until the count begins anew."""
