"""What one health check observes: Redis, held bookings, and bookings that ended badly."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from db.account_troubles import DEFAULT, NO_TROUBLE, AccountTrouble, AccountTroubles
from db.appointments import events
from db.appointments.events import Happened
from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason, Status
from db.monitoring import status_queries
from db.monitoring.counts_now import HeldNow
from db.monitoring.incidents import Incident, IncidentKind
from db.monitoring.status_queries import EndedBookings, HeldChanges, HoldRisk
from resilience.circuit_breaker.types import Block
from tasks.dependencies import Dependencies, Timings
from tasks.incidents.rules import NOTABLE, QUIET, REDIS_UNAVAILABLE_AFTER, THROTTLED_FOR, Observation
from tasks.words import duration, plural

Known = Mapping[tuple[str, str | None], Incident]  # open incidents, by kind and subject

Held = HoldRisk | HeldNow

_BY_REASON = (
    HoldReason.CREDENTIALS,
    HoldReason.CONFIGURATION,
    HoldReason.BLIND_KEY,
    HoldReason.SUSPECT,
    HoldReason.UNREACHABLE,
    HoldReason.THROTTLED,
)
EACH_HELD = (HoldReason.BLIND_KEY, HoldReason.SUSPECT)  # a person must look at each of these bookings
CHANGES_OF_A_PERSON = (HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CONFIGURATION)
_REFUSED: Mapping[HoldReason, Block] = MappingProxyType(
    {HoldReason.CREDENTIALS: Block.CREDENTIALS, HoldReason.CONFIGURATION: Block.CONFIGURATION}
)
_OF_DEFAULT: Mapping[HoldReason, AccountTrouble] = MappingProxyType(
    {HoldReason.CREDENTIALS: AccountTrouble.REFUSED, HoldReason.CONFIGURATION: AccountTrouble.CONFIGURATION}
)
_OF_ACCOUNTS: Mapping[IncidentKind, AccountTrouble] = MappingProxyType(
    {
        IncidentKind.KEY_UNREADABLE: AccountTrouble.UNREADABLE,
        IncidentKind.ACCOUNT_REFUSED: AccountTrouble.REFUSED,
        IncidentKind.ACCOUNT_MISLED: AccountTrouble.CONFIGURATION,
        IncidentKind.ACCOUNT_FAILING: AccountTrouble.BREAKER,
        IncidentKind.ACCOUNT_CLOSED: AccountTrouble.CLOSED,
    }
)
_COUNTED = (IncidentKind.MESSAGES_LOST, IncidentKind.LET_GO_IN_VAIN)  # where each happens
_FEW_TYPES = 5  # event types that an alert names
_FEW_ACCOUNTS = 5
_FEW_BOOKINGS = 20  # to which an alert leads
_LONGEST_NAME = 40  # characters of a slug


def observe_redis(deps: Dependencies) -> Observation | None:
    """Ask Redis once more; observe that this process has lacked the shared breaker for longer than a restart takes."""
    shared, gone_for = deps.breaker.get_status().shared, deps.breaker.view.redis_gone_for()
    missing = not shared and gone_for is not None and gone_for >= REDIS_UNAVAILABLE_AFTER
    return Observation(IncidentKind.REDIS_GONE) if missing else None


def observe_holds(
    held: Mapping[HoldReason, HoldRisk],
    missing: Mapping[str, HoldRisk],
    now: datetime,
    timings: Timings,
    *,
    block: Block,
    accounts: AccountTroubles = NO_TROUBLE,
    each: Mapping[HoldReason, Sequence[int]] = MappingProxyType({}),
) -> Iterator[Observation]:
    """Observe bookings that are held for a reason that an operator must know, or for too long.

    While a refused key or wrong settings stop all (`block`), the whole queue waits for that, too. `missing` is the part
    of `held` that waits for an event type that Cal.com no longer has, by its name. What `accounts` have by a fault of
    their own is an incident of its own kind, which names them. `each` has the bookings of the reasons of EACH_HELD.
    """
    yield from _observe_accounts(accounts)
    if missing:
        facts = hold_facts([*missing.values()], timings.lead) | {"types": _named(missing)}
        yield Observation(IncidentKind.NO_EVENT_TYPE, count=facts["held"], facts=facts)
    for reason in _BY_REASON:
        risk = held.get(reason)
        if risk and reason is HoldReason.CONFIGURATION:
            risk = _without(risk, missing.values())
        is_stopped = block is _REFUSED.get(reason)
        behind = [held[one] for one in QUEUED if one in held] if is_stopped else []
        if accounts.several and reason in _OF_DEFAULT:
            yield from _observe_default(accounts, reason, is_stopped=is_stopped, lead=timings.lead)
        elif reason is HoldReason.CREDENTIALS and accounts.count(AccountTrouble.CLOSED) and not is_stopped:
            continue  # Cal.com has refused nothing
        elif is_stopped and reason is HoldReason.CREDENTIALS:
            waits = [*([risk] if risk else []), *behind]
            yield Observation(IncidentKind.CREDENTIALS, facts=hold_facts(waits, timings.lead))
        elif risk and (reason is not HoldReason.THROTTLED or (now - risk.oldest).total_seconds() >= THROTTLED_FOR):
            facts = hold_facts([risk, *behind], timings.lead)
            if reason is HoldReason.SUSPECT:
                facts["half_made"] = risk.half_made
            if reason is HoldReason.THROTTLED and accounts.several:
                facts |= hold_facts(accounts.held(AccountTrouble.THROTTLED), timings.lead)
                facts |= _named_accounts(accounts, AccountTrouble.THROTTLED)
            one_by_one = {number: number for number in each.get(reason, ())}
            yield Observation(IncidentKind(reason.value), count=risk.count, facts=facts, each=one_by_one)
    late = [risk for risk in held.values() if risk.late]
    if late and timings.max_age:
        figures = {"held": sum(risk.late for risk in late), "at_risk": sum(risk.late_at_risk for risk in late)}
        facts = {**hold_facts(late, timings.lead), **figures, "max_age": duration(timings.max_age)}
        yield Observation(IncidentKind.HELD_TOO_LONG, count=figures["held"], facts=facts)


def observe_held_changes(held: HeldChanges) -> Iterator[Observation]:
    """Observe cancels and moves that do not go by themselves; a refused key is an incident of its own."""
    if held.total:
        facts = {"count": held.total, "first_id": str(held.bookings[0]), "ids": held.bookings}
        yield Observation(IncidentKind.CHANGE_HELD, count=held.total, facts=facts, each=held.changes)


def _observe_default(
    accounts: AccountTroubles, reason: HoldReason, *, is_stopped: bool, lead: float
) -> Iterator[Observation]:
    """Observe what the key or the address of the settings holds of `default`; others have kinds of their own."""
    trouble = _OF_DEFAULT[reason]
    known = accounts.with_default_stopped(trouble) if is_stopped else accounts
    waits = known.held(trouble, account=DEFAULT)
    if waits or (is_stopped and reason is HoldReason.CREDENTIALS):
        facts = hold_facts(waits, lead) | {"account": DEFAULT}
        yield Observation(IncidentKind(reason.value), count=facts["held"] or 1, facts=facts)


def _observe_accounts(accounts: AccountTroubles) -> Iterator[Observation]:
    for kind, trouble in _OF_ACCOUNTS.items():
        if facts := _named_accounts(accounts, trouble):
            bookings = sorted({number for one in accounts.of(trouble) for number in one.bookings})
            ids = {"ids": bookings[:_FEW_BOOKINGS]} if bookings else {}
            each = {number: number for number in bookings}
            yield Observation(kind, count=facts["count"], facts=facts | ids, each=each)


def _named_accounts(accounts: AccountTroubles, trouble: AccountTrouble) -> dict[str, Any]:
    """Return how many accounts have a trouble, and the first five by name, each with what waits."""
    count = accounts.count(trouble)
    if not count:
        return {}
    first = list(accounts.of(trouble))[:_FEW_ACCOUNTS]
    waiting = [f" ({one.waiting:,}{'+' if one.capped else ''} waiting)" if one.waiting else "" for one in first]
    named = [one.name + told for one, told in zip(first, waiting, strict=True)]
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    account = first[0].name if count == 1 and first else "NAME"  # as a command names it
    number = plural(count, "account")
    return {"count": count, "number": number, "account": account, "accounts": ", ".join(named) + more}


def observe_endings(conn: Connection, known: Known, now: datetime) -> Iterator[Observation]:
    """Observe recent bad endings: one incident for each kind counts them from its beginning on."""
    for kind, status in ((IncidentKind.FAILED, Status.FAILED), (IncidentKind.EXPIRED, Status.EXPIRED)):
        yield from _gathered(
            kind, status_queries.ended_bookings(conn, status, counted_since(known, (kind, None), now)), now
        )
    kinds = defaultdict[datetime, list[IncidentKind]](list)  # without an open incident they have one moment
    for kind in sorted(NOTABLE):
        kinds[counted_since(known, (kind, None), now)].append(kind)
    happened = {kind: one for since, some in kinds.items() for kind, one in events.latest(conn, some, since).items()}
    for kind in sorted(NOTABLE):
        yield from _gathered(kind, happened.get(kind), now)
    for kind in _COUNTED:
        met = known.get((kind, None))
        if met and (now - met.last_seen_at).total_seconds() < QUIET:
            first = {"first_id": met.detail["first_id"]} if "first_id" in met.detail else {}
            facts = {"count": met.occurrences, **first}
            yield Observation(kind, count=met.occurrences, seen_at=met.last_seen_at, facts=facts)


def counted_since(known: Known, key: tuple[str, str | None], now: datetime) -> datetime:
    """Return from when on the events of an incident are counted: a while before it began, or before now."""
    return (known[key].opened_at if key in known else now) - timedelta(seconds=QUIET)


def _gathered(kind: IncidentKind, ended: EndedBookings | Happened | None, now: datetime) -> Iterator[Observation]:
    if ended and (now - ended.last_at).total_seconds() < QUIET:
        facts: dict[str, Any] = {"count": ended.count, "first_id": str(ended.first_id)}
        each: Mapping[int, int] = {}
        if isinstance(ended, Happened):
            facts["ids"] = sorted(set(ended.ids))
            each = dict(zip(ended.events, ended.ids, strict=True))
        yield Observation(kind, count=ended.count, seen_at=ended.last_at, facts=facts, each=each)


def _without(risk: HoldRisk, others: Collection[HoldRisk]) -> HoldRisk | None:
    """Return `risk` without the `others` that it includes; None: nothing is left."""
    count, at_risk = (risk.count - sum(one.count for one in others), risk.at_risk - sum(one.at_risk for one in others))
    return replace(risk, count=count, at_risk=at_risk) if count > 0 else None


def _named(missing: Mapping[str, HoldRisk]) -> str:
    """Return the names of the event types that have been missing longest, and how many bookings wait for each."""
    counts = [f" ({risk.count:,})" if len(missing) > 1 else "" for risk in missing.values()]
    named = [name[:_LONGEST_NAME] + count for name, count in zip(missing, counts, strict=True)]
    more = f" and {len(named) - _FEW_TYPES:,} more" if len(named) > _FEW_TYPES else ""
    return ", ".join(named[:_FEW_TYPES]) + more


def hold_facts(risks: Sequence[Held], lead: float) -> dict[str, Any]:
    """Return counts of held bookings; `until` is when the first booking at risk expires."""
    at_risk = sum(risk.at_risk for risk in risks)
    facts: dict[str, Any] = {"held": sum(risk.count for risk in risks), "at_risk": at_risk}
    if ids := [risk.first_id for risk in risks if isinstance(risk, HoldRisk)]:
        facts["first_id"] = str(min(ids))
    if at_risk:
        until = min(risk.first_start for risk in risks) - timedelta(seconds=lead)
        facts["until"] = f"{until:%Y-%m-%d %H:%M} UTC"
    return facts
