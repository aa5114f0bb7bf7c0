"""Which part of what is held a row of the ranking tells: with several accounts each cause has its own, and no other's.

Of one account nothing is told apart: all that is held is every row's.
"""

from collections.abc import Callable
from dataclasses import replace

from db.account_troubles import (
    DEFAULT,
    FOR_A_PERSON,
    AccountTrouble,
    Cause,
    CommonCause,
    HeldCause,
    together,
)
from db.lifecycle import HoldReason
from db.monitoring.counts_now import EndedBadly, HeldNow
from tasks.overview.ranking.phrases import held_count, several
from tasks.overview.reading import Overview

BY_THEMSELVES = (AccountTrouble.BREAKER, AccountTrouble.THROTTLED, AccountTrouble.PAUSED)


def of_all(overview: Overview) -> Overview:
    """Return all: the row counts nothing, or counts by itself."""
    return overview


def of_key(overview: Overview) -> Overview:
    """Return what waits because Cal.com refuses the key of the settings."""
    return _part(overview, AccountTrouble.REFUSED, account=DEFAULT)


def of_settings(overview: Overview) -> Overview:
    """Return what waits because the address of the settings leads to no API of Cal.com."""
    if several(overview) and not overview.shared.settings_wrong:
        return of(overview, ())  # a booking that met a page: of_a_person
    return _part(overview, AccountTrouble.CONFIGURATION, account=DEFAULT)


def of_calcom(overview: Overview) -> Overview:
    """Return what waits for the settings' Cal.com, or goes in order since it is back."""
    return _part(overview, CommonCause.SERVICE, service=overview.service.name)


def of_limit(overview: Overview) -> Overview:
    """Return what waits for the limit of the settings' key."""
    return _part(overview, AccountTrouble.THROTTLED, account=DEFAULT, met=HoldReason.THROTTLED)


def of_other_calcoms(overview: Overview) -> Overview:
    """Return what waits for another Cal.com than the settings'."""
    own = overview.service.name
    return _such(overview, lambda one: one.cause is CommonCause.SERVICE and one.service != own)


def of_accounts_that_wait(overview: Overview) -> Overview:
    """Return what accounts hold by something of their own that ends by itself, or by an operator's order."""
    return _such(overview, lambda one: one.cause in BY_THEMSELVES and not _is_of_limit(one))


def of_accounts_that_need_you(overview: Overview) -> Overview:
    """Return what accounts but `default`, whose rows are others, hold until somebody gives them a key or a right."""
    return _such(overview, lambda one: one.cause in FOR_A_PERSON and not _is_of_settings(one))


def _is_of_settings(one: HeldCause) -> bool:
    return one.cause in {AccountTrouble.REFUSED, AccountTrouble.CONFIGURATION} and one.account == DEFAULT


def _is_of_limit(one: HeldCause) -> bool:
    return one.cause is AccountTrouble.THROTTLED and one.account == DEFAULT


def of_a_person(overview: Overview) -> Overview:
    """Return what only a person moves on, booking by booking."""
    record = overview.record
    if record is None or not record.accounts.several:
        return overview
    misled = () if overview.shared.settings_wrong else _held(overview, AccountTrouble.CONFIGURATION, account=DEFAULT)
    each = _held(overview, CommonCause.NO_EVENT_TYPE, CommonCause.BLIND_KEY, CommonCause.SUSPECT)
    known = replace(record.for_a_person, page_met=bool(misled))
    return of(replace(overview, record=replace(record, for_a_person=known)), together([*each, *misled]))


def of(overview: Overview, holds: tuple[HeldNow, ...], met: HoldReason = HoldReason.BREAKER_OPEN) -> Overview:
    """Return the part of an overview that these holds are: of other causes' bookings it tells nothing.

    `met` is what the first of its line met.
    """
    if overview.record is None:
        return overview
    is_part = sum(one.count for one in holds) != held_count(overview)
    kept = replace(overview.record, holds=holds, queue_met=met, is_part=is_part)
    return replace(overview, record=replace(kept, ended=EndedBadly(0, 0)) if is_part else kept)


def _part(
    overview: Overview,
    cause: Cause,
    *,
    service: str | None = None,
    account: str | None = None,
    met: HoldReason = HoldReason.BREAKER_OPEN,
) -> Overview:
    if not several(overview):
        return overview
    return of(overview, _held(overview, cause, service=service, account=account), met)


def _such(overview: Overview, belongs: Callable[[HeldCause], bool]) -> Overview:
    if overview.record is None or not several(overview):
        return overview
    return of(overview, together(one.held for one in overview.record.accounts.causes if belongs(one)))


def _held(
    overview: Overview, *causes: Cause, service: str | None = None, account: str | None = None
) -> tuple[HeldNow, ...]:
    return overview.record.accounts.held(*causes, service=service, account=account) if overview.record else ()
