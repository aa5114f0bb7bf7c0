"""Rows 13 and 14 of several accounts: what stops one of them, and no other."""

from collections.abc import Collection
from types import MappingProxyType

from db.account_troubles import DEFAULT, FOR_A_PERSON, NO_TROUBLE, AccountTrouble, AccountTroubles, TroubledAccount
from tasks.accounts.remedies import WHAT_STOPS, remedy
from tasks.overview.ranking.causes import BY_THEMSELVES
from tasks.overview.ranking.phrases import at_risk, call_those, level_of_part, number_waiting, since
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence, sentence
from tasks.words import plural

_NAMED = 3  # accounts in a sentence
_WHOSE = MappingProxyType(
    {
        AccountTrouble.PAUSED: Whose.ORDERED,
        AccountTrouble.BREAKER: Whose.CALCOM,
        AccountTrouble.THROTTLED: Whose.LIMIT,
    }
)


def accounts_need_you(overview: Overview) -> TrueRow | None:
    """Somebody must give these accounts a key or a right; the other accounts go on."""
    troubles = _troubles(overview)
    count = troubles.count(*FOR_A_PERSON)
    if not count:
        return None
    begun = f"{plural(count, 'account needs', 'accounts need')} you: "
    text = sentence(begun, *_named(troubles, FOR_A_PERSON, count), *at_risk(overview), ".")
    closed = "; what a closed one holds, nothing sends" if troubles.count(AccountTrouble.CLOSED) else ""
    first = {one.trouble: one.name for one in reversed(list(troubles.of(*FOR_A_PERSON)))}
    remedies = "; ".join(remedy(trouble, first[trouble]) for trouble in AccountTrouble if trouble in first)
    if_nobody_acts = sentence(
        f"their bookings wait, and each ends with its slot{closed}; all other accounts go on. What to do: {remedies}."
    )
    return TrueRow(14, "accounts_need_you", Whose.YOURS, Level.CRITICAL, text, if_nobody_acts)


def accounts_wait(overview: Overview) -> TrueRow | None:
    """The bookings of these accounts go by themselves, or when an operator resumes the account."""
    troubles = _troubles(overview)
    waiting = [one for one in troubles.of(*BY_THEMSELVES) if is_news(one)]
    if not waiting:
        return None
    count = troubles.count(*BY_THEMSELVES) - sum(not is_news(one) for one in troubles.of(*BY_THEMSELVES))
    begun = f"{plural(count, 'account is', 'accounts are')} held up: "
    text = sentence(begun, *_named(troubles, BY_THEMSELVES, count), *at_risk(overview), ".")
    if_nobody_acts = sentence(
        "they go by themselves, in order, a paused one after `booking accounts resume`; all other accounts go on",
        call_those(overview),
        ".",
    )
    whose = _WHOSE[waiting[0].trouble]
    return TrueRow(13, "accounts_wait", whose, level_of_part(overview), text, if_nobody_acts)


def trouble_phrase(one: TroubledAccount) -> Sentence:
    """Return what stops an account, since when, and how many wait: "its limit is reached since 14:02, 12 wait"."""
    waits = f", {number_waiting(one.waiting, capped=one.capped)}" if one.waiting else ""
    # A line that a limit makes has no begin: who waits now came later.
    begun = () if one.trouble is AccountTrouble.THROTTLED else since(one.since)
    return sentence(WHAT_STOPS[one.trouble], begun, waits)


def is_news(one: TroubledAccount) -> bool:
    """Return whether a sentence of accounts names one: not one that is paused, or over its limit, if nothing waits.

    The limit of the settings' key has a sentence of its own.
    """
    if one.trouble in FOR_A_PERSON:
        return True
    return bool(one.waiting) and not (one.trouble is AccountTrouble.THROTTLED and one.name == DEFAULT)


def _troubles(overview: Overview) -> AccountTroubles:
    return overview.record.accounts if overview.record else NO_TROUBLE


def _named(troubles: AccountTroubles, which: Collection[AccountTrouble], count: int) -> Sentence:
    """Return the first of them by name."""
    listed = [one for one in troubles.of(*which) if is_news(one)][:_NAMED]
    parts: list[str | Sentence] = []
    for one in listed:
        parts += ["; " if parts else "", f"{one.name}: ", trouble_phrase(one)]
    more = f"; {count - len(listed):,} more" if count > len(listed) else None
    return sentence(*parts, more)
