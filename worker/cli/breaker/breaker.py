"""`booking breaker`: the circuit breaker's state, and an operator's orders to it."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from resilience.call_stats.counts import Figures
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import State
from tasks.dependencies import Dependencies
from tasks.operations import breaker_actions, breaker_overrides
from tasks.operations.breaker_actions import KEPT, NOT_DONE, BreakerActionOutcome
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.words import duration, plural
from worker.cli.named import named_service
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening

_MEANING = {
    State.CLOSED: "closed: calls go",
    State.OPEN: "open: nothing is sent, bookings are held",
    State.HALF_OPEN: "half-open: one booking probes, or is waited for",
    State.FORCED_OPEN: "open by override: nothing is sent, bookings are held",
    State.OFF: "off by override: every call goes",
}

_ASKED_EVERY = 60  # seconds
_ASKED = "while bookings are held for it Cal.com is asked once a minute whether that is over"


def status(*, service: str | None, json: bool) -> bool:
    """Show state, cause and orders; return whether calls are made, with today's key and settings.

    `service`: the host of another Cal.com than the settings'.

    Raises:
        Stop: No account is at a Cal.com of this host.
    """
    with listening(screen.note):
        parts = ready()
        parts = parts.at_service(named_service(parts, service).name)
        now, seen = parts.breaker.get_status(), parts.breaker.calls.recent_calls()
        given = breaker_overrides.in_force(parts.engine, parts.breaker.service)
    calcom = parts.calcom
    refused = calcom.key_fingerprint in now.blocked_keys or calcom.settings_fingerprint in now.wrong_settings
    well = now.shared and now.state is State.CLOSED and not refused
    if json:
        about = [{"kind": one.kind, "by": one.by, "why": one.why, "until": one.until} for one in given]
        screen.as_json(now.as_dict() | {"last_minutes": asdict(seen), "orders": about})
        return well
    rows = [("breaker", _MEANING[now.state] + _wait(now.breaker.retry_after)), ("epoch", str(now.breaker.epoch))]
    rows += [
        (name, _MEANING[scope.state] + _wait(scope.retry_after))
        for name, scope in now.endpoints.items()
        if scope.state is not State.CLOSED
    ]
    rows.append(("last 5 minutes", _minutes(seen)))
    rows.append(("release", f"{now.window} at once; {now.sending} in flight, {now.waiting} on their way"))
    if now.throttled_for:
        sooner = f"; {_ASKED}, or `booking breaker reset`" if now.throttled_for > _ASKED_EVERY else ""
        rows.append(("limit", f"Cal.com said 429: nothing goes for {duration(now.throttled_for)}{sooner}"))
    rows += _blocks(parts, now)
    rows += [(f"ordered {one.kind}", f"by {one.by}: {one.why}{_until(one.until)}") for one in given]
    if not now.shared:
        rows.append(("Redis", "does not answer: each process keeps a breaker of its own, and this one shows its own"))
    screen.facts(rows)
    return well


def _blocks(parts: Dependencies, now: BreakerStatus) -> Iterator[tuple[str, str]]:
    """Yield the keys and settings that block every call, or did."""
    for key in now.blocked_keys:
        if key == parts.calcom.key_fingerprint:
            yield "key refused", f"{key}, today's: nothing is sent with it; {_ASKED}, or `booking breaker reset`"
        else:
            yield "key refused", f"{key}: not today's, so it stops nothing here"
    today = parts.calcom.settings_fingerprint
    if today in now.wrong_settings:
        yield "settings", f"they do not reach Cal.com's API, so nothing is sent; {_ASKED} (`booking check` says more)"
    elif today in now.paged_settings:
        yield "settings", "something else than Cal.com's API answered a booking, which is held; the others go on"


def order(mode: str, *, by: str, why: str, seconds: float | None = None, service: str | None = None) -> bool:
    """Give an order, print the state that follows, and return whether the order was obeyed.

    `by` is empty for the user who is logged in; `seconds`: an order of open or off ends after this time; `service`: the
    host of another Cal.com than the settings'.

    Raises:
        Stop: No account is at a Cal.com of this host.
    """
    is_kept = mode in (OPEN, OFF)
    target: dict[str, Any] = {"seconds": seconds} if is_kept else {}
    with listening(screen.note):
        parts = ready()
        at = named_service(parts, service)
        parts, target = parts.at_service(at.name), target | breaker_actions.target_at(parts, at)
        asked = requested(mode, why=why, target=target, who=by)
        done = BreakerActionOutcome.OBEYED in breaker_actions.carry_out(parts, asked).outcomes
    now = parts.breaker.get_status()
    if done and now.shared:
        screen.say(f"The breaker is {_MEANING[now.state]}.")
        return True
    screen.note(KEPT if is_kept else NOT_DONE)
    return False


def _wait(seconds: float | None) -> str:
    return f" for {duration(seconds)} more" if seconds else ""


def _until(moment: datetime | None) -> str:
    return f" (until {moment:%Y-%m-%d %H:%M} UTC)" if moment else ""


def _minutes(seen: Figures) -> str:
    if not seen.calls:
        return "no call"
    counted = f"{plural(seen.calls, 'call')}, {seen.failures:,} failed ({seen.recent:,} in the last minute)"
    return f"{counted}, {seen.average_ms / 1000:.1f} s on average, {seen.longest_ms / 1000:.1f} s the longest"
