"""The verdict on an overview: one sentence, who must act, what happens if nobody does, and which buttons fit.

The first of the worst true rows gives the sentence, and up to three more sentences follow. With several accounts each
row tells the bookings of its own cause, and the one that needs a person comes first, then the one that holds most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from tasks.overview.ranking import accounts, causes, ours, services, theirs, yours
from tasks.overview.ranking.phrases import held_count, is_late, several
from tasks.overview.ranking.row import Level, TrueRow
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence

Row = Callable[[Overview], TrueRow | None]
Part = Callable[[Overview], Overview]
RANKED: tuple[tuple[Row, Part], ...] = (
    (ours.postgres_gone, causes.of_all),
    (ours.postgres_slow, causes.of_all),
    (ours.redis_gone, causes.of_all),
    (ours.nothing_moves, causes.of_all),
    (ours.no_health_check, causes.of_all),
    (ours.credentials, causes.of_key),
    (ours.configuration, causes.of_settings),
    (theirs.forced_open, causes.of_calcom),
    (theirs.breaker_open, causes.of_calcom),
    (theirs.half_open, causes.of_calcom),
    (theirs.unreachable, causes.of_calcom),
    (theirs.draining, causes.of_calcom),
    (theirs.calcom_failing, causes.of_all),
    (theirs.database_failing, causes.of_all),
    (services.services_fail, causes.of_all),
    (theirs.throttled, causes.of_limit),
    (services.services_wait, causes.of_other_calcoms),
    (accounts.accounts_wait, causes.of_accounts_that_wait),
    (accounts.accounts_need_you, causes.of_accounts_that_need_you),
    (yours.waits_for_you, causes.of_a_person),
    (yours.switched_off, causes.of_all),
    (yours.ended_badly, causes.of_all),
    (yours.not_called, causes.of_calcom),
)
"""Each row, and the part of what is held that it is about."""
ALSO = 3  # rows that may follow the first row
KEPT = timedelta(seconds=10)  # a sentence that is still true stays for this time, so that a person can read it
_NEED_A_PERSON = {"credentials", "configuration", "accounts_need_you", "waits_for_you"}
_BADNESS = (Level.CALM, Level.WARNING, Level.CRITICAL)
_NOTHING_GOES = range(1, 10)  # while one of these rows is true, nothing is sent or released as usual
_NOTHING_OF_ALL = range(1, 5)  # of several accounts
_GOING = {10, 11, 13}  # these rows tell how bookings go
_GOING_THERE = {10, 11}  # at the settings' Cal.com


@dataclass(frozen=True, slots=True)
class Verdict(TrueRow):
    """The verdict on an overview: the first of the worst rows that are true."""

    also: tuple[Sentence, ...] = ()
    """The sentences of further true rows."""
    chosen_at: datetime | None = None
    """Since when this row has been the first."""


def verdict(overview: Overview, before: Verdict | None = None) -> Verdict:
    """Return the first of the worst true rows, and the sentences of other true rows.

    `before` is the last verdict of the same viewer: its row stays the first for KEPT, if it is true and none is worse.
    """
    true = _true_rows(overview)
    first = _first(true, overview, before)
    others = [one for one in true if one is not first]
    if first.counts_endings:
        others = [one for one in others if one.name != yours.ENDED_BADLY]
    also = tuple(one.short or one.sentence for one in others[:ALSO])
    chosen_at = before.chosen_at if before and before.name == first.name else overview.read_at
    return Verdict(**{one.name: getattr(first, one.name) for one in fields(first)}, also=also, chosen_at=chosen_at)


def _true_rows(overview: Overview) -> Sequence[TrueRow]:
    true = [found for row, part in RANKED if (found := _told(row, part(overview)))]
    if any(one.row in (_NOTHING_OF_ALL if several(overview) else _NOTHING_GOES) for one in true):
        true = [one for one in true if one.row not in _GOING]
    elif any(one.row in _NOTHING_GOES for one in true):
        true = [one for one in true if one.row not in _GOING_THERE]
    if is_late(overview) and all(one.level is not Level.CRITICAL for one in true):
        true.insert(0, yours.late(overview))
    if several(overview):  # what needs a person, then what holds most
        true.sort(key=lambda one: (-_BADNESS.index(one.level), _urgency(one), -one.held))
    return true or [yours.calm(overview)]


def _told(row: Row, part: Overview) -> TrueRow | None:
    found = row(part)
    return found and replace(found, held=held_count(part))


def _first(true: Sequence[TrueRow], overview: Overview, before: Verdict | None) -> TrueRow:
    worst = max((one.level for one in true), key=_BADNESS.index)
    worst_rows = [one for one in true if one.level is worst]
    if several(overview):
        worst_rows = [one for one in worst_rows if _urgency(one) == _urgency(worst_rows[0])]
    if before and before.chosen_at and overview.read_at - before.chosen_at < KEPT:
        return next((one for one in worst_rows if one.name == before.name), worst_rows[0])
    return worst_rows[0]


def _urgency(one: TrueRow) -> int:
    """Return how urgent a row of several accounts is, 0 first: a server of ours, what needs a person, all others."""
    return 0 if one.row in _NOTHING_OF_ALL else 1 if one.name in _NEED_A_PERSON else 2
