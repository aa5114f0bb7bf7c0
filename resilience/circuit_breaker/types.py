"""What callers of the breaker pass to it and receive from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from resilience.circuit_breaker.account import CallingAccount


class State(StrEnum):
    """The state of a breaker; the comment beside each state says what ends it."""

    CLOSED = "closed"  # the last of `threshold` failures in a row; an operator
    OPEN = "open"  # the first caller after the end of its time; an operator
    HALF_OPEN = "half_open"  # the outcome of the one probe; an operator
    FORCED_OPEN = "forced_open"  # the first caller after the end that the operator set; an operator
    OFF = "off"  # as forced open


class CallOutcome(StrEnum):
    """The outcome of a call, as far as it concerns the breaker."""

    SUCCESS = "success"
    FAILURE_SERVICE = "failure_service"  # no connection, no answer, or a proxy that cannot reach the service
    FAILURE_ENDPOINT = "failure_endpoint"  # the service works, this endpoint failed
    THROTTLED = "throttled"  # over the rate limit: no call goes for `retry_after`
    CREDENTIALS = "credentials"  # our key was refused: no call goes with it
    CONFIGURATION = "configuration"  # another server than the service answered
    IGNORED = "ignored"  # nothing was sent, or the answer is no evidence about the service


class Reason(StrEnum):
    """Why a call was denied, or why nothing may be released."""

    BREAKER_OPEN = "breaker_open"
    THROTTLED = "throttled"
    CREDENTIALS = "credentials"
    CONFIGURATION = "configuration"  # another server than the service answers; see `acquire(trial=True)`
    IN_FLIGHT = "in_flight"  # release only: the window is full


class Block(StrEnum):
    """What stops calls now, and so the release of what waits for the breaker or the limit."""

    UNKNOWN = "unknown"  # the shared breaker does not answer
    CREDENTIALS = "credentials"  # our key is refused
    CONFIGURATION = "configuration"  # another server than the service answers
    ORDER = "order"  # an operator has forced the breaker open
    BREAKER_OPEN = "breaker_open"
    PROBE = "probe"  # half-open: one call at a time decides
    THROTTLED = "throttled"  # the pause after a 429
    NOTHING = "nothing"  # calls go, as the window and the limit allow


class Permit(NamedTuple):
    """The right to make one call; `record` must follow, whatever the call's outcome."""

    endpoint: str
    owner: str
    item: str
    service_epoch: int
    endpoint_epoch: int
    window: int
    """The number of the rate limit's window in which the permit was given."""
    granted_at: int
    """When the permit was given, ms of Redis's clock."""
    state: State
    """The service's state when the permit was given."""
    probe: bool = False
    released_at: int = 0
    """When its item was released, ms of Redis's clock; 0: it has no place in the release window."""
    taken_at: int = 0
    """When the first call of its attempt was permitted."""
    trial: bool = False
    """The one call that a blocked key or a wrong configuration lets through."""
    shared: bool = True
    """False: this process alone gave the permit, while Redis was gone."""
    own_epoch: int = 0
    """The epoch of the account's breaker; 0: the account is alone."""
    account: CallingAccount = CallingAccount()


@dataclass(frozen=True, slots=True)
class Denied:
    """The call must not go. A denial is falsy, so that `if not permit` works."""

    reason: Reason
    retry_after: float | None
    """Seconds until the next try; None: an operator must act."""
    state: State
    epoch: int
    endpoint_state: State = State.CLOSED
    """The endpoint's, or the account's if only the account's breaker for the endpoint is not closed."""

    @property
    def waits_for_probe(self) -> bool:
        """Return whether the service's breaker waits for a probe, which this call may not be."""
        return self.reason is Reason.BREAKER_OPEN and self.state is State.HALF_OPEN

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state that this call made."""

    endpoint: str | None
    old: State
    new: State
    epoch: int
    reason: str
    failures: int
    account: int | None = None
    """The account whose breaker changed; None: the breaker of all accounts."""


class Recorded(NamedTuple):
    """The state after a record."""

    state: State
    epoch: int
    endpoint_state: State
    changes: tuple[Change, ...] = ()
    room: int = 0
    """How many held items may be released now; 0 for a permit without an item."""
    opened: bool = False
    """This outcome opened a breaker."""
    closed: bool = False
    """This outcome closed a breaker."""
    may_go: bool = True
    """Whether both breakers let a call through now."""

    @property
    def others_go(self) -> bool:
        """Return whether only this endpoint is sick."""
        return only_endpoint_is_sick(self.state, self.endpoint_state)


def recorded(
    state: State, epoch: int, endpoint_state: State, changes: tuple[Change, ...] = (), room: int = 0
) -> Recorded:
    """Build a `Recorded`, with the flags that follow from the states and changes."""
    blocking = {State.OPEN, State.FORCED_OPEN} & {state, endpoint_state}
    return Recorded(
        state,
        epoch,
        endpoint_state,
        changes,
        room,
        opened=any(change.new is State.OPEN for change in changes),
        closed=any(change.new is State.CLOSED for change in changes),
        may_go=state is State.OFF or not blocking,
    )


def only_endpoint_is_sick(state: State, endpoint_state: State) -> bool:
    """Return whether calls of other endpoints go, or the probe that the service waits for, which this one denies."""
    denies_probe = state is State.HALF_OPEN and endpoint_state is State.OPEN
    return denies_probe or (state is State.CLOSED and endpoint_state is not State.CLOSED)


@dataclass(frozen=True, slots=True)
class Released:
    """The held items that may be sent now, and how many more may be sent."""

    items: tuple[str, ...]
    room: int
    reason: Reason | None
    """Why no item may be released; None: there was room, which `items` may have used up."""
    retry_after: float | None
    """Seconds until the next try if no item may go; None: an operator must act."""
    state: State
    endpoint_state: State
    places: int = 0
    """How many more items may be sent, whichever account's they are."""
    turn: int | None = None
    """The account that any process let go last, where no item was asked for; None: not known."""

    @property
    def others_go(self) -> bool:
        """Return whether only this endpoint is sick, so that what another one answers need not wait for it."""
        return only_endpoint_is_sick(self.state, self.endpoint_state)


class OverrideKind(StrEnum):
    """The kinds of overrides."""

    OPEN = "open"
    OFF = "off"
    AUTO = "auto"
    RESET = "reset"
    BLOCK = "block"  # the key that the service refuses


@dataclass(frozen=True, slots=True)
class OperatorOverride:
    """An operator's override.

    `number` is the id of its row in the database, 0: it has no row; `action` is the id of the action that asked for
    this override, 0: no action did.
    """

    kind: OverrideKind
    by: str
    why: str
    until: datetime | None = None
    number: int = 0
    fingerprint: str = ""
    action: int = 0


class QuotaHeaders(NamedTuple):
    """An answer's X-RateLimit headers, for the limit with the most calls left."""

    limit: int
    remaining: int
    reset_after: float
    """Seconds until the count starts again."""
