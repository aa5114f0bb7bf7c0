"""An operator's action on the breaker: recorded, then carried out if the breaker has not changed meanwhile."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import OperatorOverride, State
from tasks.accounts.services import Service
from tasks.dependencies import Dependencies
from tasks.operations import breaker_overrides
from tasks.operations.booking_actions import begin
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.words import duration

AUTO, RESET = "auto", "reset"
BREAKER_ACTIONS = (OPEN, OFF, AUTO, RESET)
UNSEEN = 0  # the epoch of a breaker whose Redis does not answer
KEPT = "Redis does not answer: the override is kept, and the fleet obeys it when Redis is back."
NOT_DONE = "Redis does not answer: nothing was done; try again when it does."
_WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.CLOSED: "closed",
        State.OPEN: "open",
        State.HALF_OPEN: "half-open",
        State.FORCED_OPEN: "open by override",
        State.OFF: "off by override",
    }
)


class BreakerActionOutcome(StrEnum):
    """The outcome of an action on the breaker."""

    OBEYED = "obeyed"
    KEPT = "kept"  # Redis is gone: the override is obeyed when Redis is back
    # Nothing was done:
    STALE = "stale"  # the breaker has changed since the operator looked
    UNAVAILABLE = "unavailable"  # Redis is gone, and there is nothing that could be kept


def carry_out(deps: Dependencies, asked: ActionRequest) -> OperatorAction:
    """Record an action and carry it out once; a second caller with the same request waits for the first one's outcome.

    An action that names an epoch (`asked.epoch_seen`) is refused if the breaker has another epoch. `asked.target` may
    hold the `seconds` after which the override ends, and the `service` of another Cal.com than the settings'.

    Raises:
        OtherActionError: The request id stands for another action.
        SQLAlchemyError: Postgres does not answer; the same request may be sent again.
    """
    action = begin(deps.engine, asked)
    deps = deps.at_service(action.target.get("service", deps.services.own.name))
    with deps.engine.begin() as conn:  # the action's row is locked: a double click waits here
        action = operator_actions.get(conn, action.request_id, lock=True) or action
        if action.done_at is None:
            outcome, refused = _carry_out(deps, action)
            ended = outcome is not BreakerActionOutcome.UNAVAILABLE  # else the same request does it when Redis is back
            operator_actions.finish(conn, action.id, {outcome: 1}, refused=refused, ended=ended)
            action = operator_actions.get(conn, action.request_id) or action
    return action


def target_at(deps: Dependencies, service: Service) -> dict[str, str]:
    """Return what an action's record says of the Cal.com that it is for; empty: that of the settings."""
    return {} if service == deps.services.own else {"service": service.name, "host": service.host}


def epoch(seen: BreakerStatus, mode: str) -> int:
    """Return a number that changes with each breaker that the action affects: the service's; for a reset, any."""
    if not seen.shared:
        return UNSEEN
    changed = [one.epoch for one in seen.endpoints.values() if one.epoch > seen.generation] if mode == RESET else []
    return seen.breaker.epoch + sum(changed)  # the newest epoch is not enough: two may open in the same millisecond


def standing(seen: BreakerStatus) -> str:
    """Return the breaker's state and since when: `half-open since 3 s`."""
    return f"{_WORDS[seen.state]} since {duration((seen.now - seen.breaker.since) // 1000)}"


def why_not(seen: BreakerStatus, overrides: list[OperatorOverride], mode: str) -> str | None:
    """Return why an action would change nothing in the breaker's present state; None: it would change something."""
    forced = [one for one in overrides if one.kind in {OPEN, OFF}]
    if not seen.shared:
        return NOT_DONE if mode in {AUTO, RESET} else None
    if mode in {OPEN, OFF}:
        wanted = State.FORCED_OPEN if mode == OPEN else State.OFF
        return f"{standing(seen)} already" if seen.state is wanted else None
    by_order = seen.state in {State.FORCED_OPEN, State.OFF} or forced
    if mode == AUTO:
        return None if by_order else f"no override is in force: {standing(seen)}"
    states = {seen.state, *(scope.state for scope in seen.endpoints.values())}
    held = forced or seen.blocked_keys or seen.wrong_settings or seen.paged_settings or seen.throttled_for
    return None if held or states != {State.CLOSED} else f"there is nothing to reset: {standing(seen)}"


def ends_at(action: OperatorAction) -> datetime | None:
    """Return when the override that an action asks for ends by itself; None: it does not end."""
    seconds = action.target.get("seconds")
    return None if seconds is None else action.asked_at.astimezone(UTC) + timedelta(seconds=seconds)


def _carry_out(deps: Dependencies, action: OperatorAction) -> tuple[BreakerActionOutcome, str | None]:
    """Carry out the action; return its outcome, and why it was refused."""
    if action.epoch_seen is not None and (outcome := _refuse(deps, action)) is not None:
        return outcome
    by, why, mode, until = action.who, action.why, action.action, ends_at(action)
    if mode in {OPEN, OFF}:
        obeyed = breaker_overrides.force(deps.engine, deps.breaker, mode, by=by, why=why, until=until, action=action.id)
        return (BreakerActionOutcome.OBEYED if obeyed else BreakerActionOutcome.KEPT), None
    end = breaker_overrides.auto if mode == AUTO else breaker_overrides.reset
    if end(deps.engine, deps.breaker, by=by, why=why, action=action.id):
        return BreakerActionOutcome.OBEYED, None
    return BreakerActionOutcome.UNAVAILABLE, NOT_DONE


def _refuse(deps: Dependencies, action: OperatorAction) -> tuple[BreakerActionOutcome, str | None] | None:
    """Return the outcome of an action that must not be carried out on the breaker as it is now; None: it may.

    The outcome is OBEYED if this very action has brought the breaker into this state: it was carried out, and Postgres
    failed before that was recorded.
    """
    seen, mode = deps.breaker.get_status(), action.action
    overrides = breaker_overrides.in_force(deps.engine, deps.breaker.service)
    reason = why_not(seen, overrides, mode)
    if seen.shared and reason is not None and _was_obeyed(deps, action, seen):
        return BreakerActionOutcome.OBEYED, None
    if seen.shared and epoch(seen, mode) != action.epoch_seen:
        return BreakerActionOutcome.STALE, f"{standing(seen)}; look again"
    if reason is None:
        return None
    if not seen.shared:
        return BreakerActionOutcome.UNAVAILABLE, reason
    return BreakerActionOutcome.STALE, f"{reason}; look again"


def _was_obeyed(deps: Dependencies, action: OperatorAction, seen: BreakerStatus) -> bool:
    """Return whether this very action has changed the breaker; for open and off, only if that was the last change."""
    asked_at = f"{action.asked_at.timestamp() * 1000:.0f}-0"  # a change's id is its moment
    epochs = {one.epoch for one in deps.breaker.view.transitions(after_id=asked_at) if one.action == action.id}
    return seen.breaker.epoch in epochs if action.action in {OPEN, OFF} else bool(epochs)
