"""An operator's order to the breaker: recorded first, then given if the breaker still stands as the operator saw it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import OperatorOverride, State
from tasks.dependencies import Dependencies
from tasks.operations import breaker_overrides
from tasks.operations.booking_actions import begin
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.words import duration

AUTO, RESET = "auto", "reset"
ORDERS = (OPEN, OFF, AUTO, RESET)
UNSEEN = 0  # the epoch of a breaker whose Redis does not answer
KEPT = "Redis does not answer: the order is kept, and the fleet obeys it when Redis is back."
NOT_DONE = "Redis does not answer: nothing was ordered; try again when it does."
_WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.CLOSED: "closed",
        State.OPEN: "open",
        State.HALF_OPEN: "half-open",
        State.FORCED_OPEN: "open by order",
        State.OFF: "off by order",
    }
)


class OrderOutcome(StrEnum):
    """What became of an order."""

    OBEYED = "obeyed"
    KEPT = "kept"  # Redis is gone: obeyed when it is back
    # Nothing was done:
    STALE = "stale"  # the breaker stands otherwise than the operator saw it
    UNAVAILABLE = "unavailable"  # Redis is gone, and there is nothing that could be kept


def carry_out(deps: Dependencies, asked: ActionRequest) -> OperatorAction:
    """Record an order and give it once; return what became of it, also to whoever asks for the same meanwhile.

    One that says which epoch it has seen (`asked.epoch_seen`) is refused when that is over. `asked.target` may hold
    after how many `seconds` it ends.

    Raises:
        OtherActionError: The request id stands for something else.
        SQLAlchemyError: Postgres does not answer; the same may be asked again.
    """
    action = begin(deps.engine, asked)
    with deps.engine.begin() as conn:  # its row is held meanwhile: a double click waits here for what the first one did
        action = operator_actions.get(conn, action.request_id, lock=True) or action
        if action.done_at is None:
            outcome, refused = _give(deps, action)
            ended = outcome is not OrderOutcome.UNAVAILABLE  # asked again when Redis is back, it is done
            operator_actions.finish(conn, action.id, {outcome: 1}, refused=refused, ended=ended)
            action = operator_actions.get(conn, action.request_id) or action
    return action


def epoch(seen: BreakerStatus, mode: str) -> int:
    """Return what changes whenever the breaker does that an order is about: the service's, of a reset any of them."""
    if not seen.shared:
        return UNSEEN
    changed = [one.epoch for one in seen.endpoints.values() if one.epoch > seen.generation] if mode == RESET else []
    return seen.breaker.epoch + sum(changed)  # the newest alone would not do: two may open in the same millisecond


def standing(seen: BreakerStatus) -> str:
    """Return how the breaker stands and since when: `half-open since 3 s`."""
    return f"{_WORDS[seen.state]} since {duration((seen.now - seen.breaker.since) // 1000)}"


def why_not(seen: BreakerStatus, orders: list[OperatorOverride], mode: str) -> str | None:
    """Return why an order is nothing for the breaker as it stands; None: it is."""
    ordered = [one for one in orders if one.kind in {OPEN, OFF}]
    if not seen.shared:
        return NOT_DONE if mode in {AUTO, RESET} else None
    if mode in {OPEN, OFF}:
        wanted = State.FORCED_OPEN if mode == OPEN else State.OFF
        return f"{standing(seen)} already" if seen.state is wanted else None
    by_order = seen.state in {State.FORCED_OPEN, State.OFF} or ordered
    if mode == AUTO:
        return None if by_order else f"no order is in force: {standing(seen)}"
    states = {seen.state, *(scope.state for scope in seen.endpoints.values())}
    held = ordered or seen.blocked_keys or seen.wrong_settings or seen.paged_settings or seen.throttled_for
    return None if held or states != {State.CLOSED} else f"there is nothing to reset: {standing(seen)}"


def ends_at(action: OperatorAction) -> datetime | None:
    """Return when an order ends by itself; None: it does not."""
    seconds = action.target.get("seconds")
    return None if seconds is None else action.asked_at.astimezone(UTC) + timedelta(seconds=seconds)


def _give(deps: Dependencies, action: OperatorAction) -> tuple[OrderOutcome, str | None]:
    """Give the order; return what became of it, and why it was refused."""
    if action.epoch_seen is not None and (outcome := _not_to_give(deps, action)) is not None:
        return outcome
    by, why, mode, until = action.who, action.why, action.action, ends_at(action)
    if mode in {OPEN, OFF}:
        obeyed = breaker_overrides.order(deps.engine, deps.breaker, mode, by=by, why=why, until=until, action=action.id)
        return (OrderOutcome.OBEYED if obeyed else OrderOutcome.KEPT), None
    give = breaker_overrides.auto if mode == AUTO else breaker_overrides.reset
    if give(deps.engine, deps.breaker, by=by, why=why, action=action.id):
        return OrderOutcome.OBEYED, None
    return OrderOutcome.UNAVAILABLE, NOT_DONE


def _not_to_give(deps: Dependencies, action: OperatorAction) -> tuple[OrderOutcome, str | None] | None:
    """Return what became of an order that saw an epoch and is nothing for the breaker as it stands now; None: it is.

    Obeyed, where it is what made the breaker so: it was given, and its end was not recorded, for Postgres went away.
    """
    seen, mode = deps.breaker.get_status(), action.action
    orders = breaker_overrides.in_force(deps.engine, deps.breaker.service)
    reason = why_not(seen, orders, mode)
    if seen.shared and reason is not None and _was_given(deps, action, seen):
        return OrderOutcome.OBEYED, None
    if seen.shared and epoch(seen, mode) != action.epoch_seen:
        return OrderOutcome.STALE, f"{standing(seen)}; look again"
    if reason is None:
        return None
    return (OrderOutcome.STALE, f"{reason}; look again") if seen.shared else (OrderOutcome.UNAVAILABLE, reason)


def _was_given(deps: Dependencies, action: OperatorAction, seen: BreakerStatus) -> bool:
    """Return whether this very order has changed the breaker; one of open or off must be its last change, too."""
    asked_at = f"{action.asked_at.timestamp() * 1000:.0f}-0"  # a change's id is its moment
    epochs = {one.epoch for one in deps.breaker.view.transitions(after_id=asked_at) if one.action == action.id}
    return seen.breaker.epoch in epochs if action.action in {OPEN, OFF} else bool(epochs)
