"""Judge what the accounts had of each other: whose key made each call, where, and what held whose booking. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from db.lifecycle import HoldReason

LATER = timedelta(seconds=30)  # a claim, and a call, that began while the trouble lasted may end after it
TRIALS = timedelta(seconds=200)  # a refused key is tried again after one minute, and then after two
OWN = {
    HoldReason.PAUSED: ("paused",),
    HoldReason.CREDENTIALS: ("key",),
    HoldReason.BREAKER_OPEN: ("receiver", "down"),
}
"""What holds one account's bookings, by the troubles of which it needs one."""


@dataclass(frozen=True)
class Period:
    """A trouble of one account: paused, its key (refused, not to be decrypted), its receiver; or its Cal.com down."""

    trouble: str
    began: datetime
    ended: datetime

    def explains(self, reason: HoldReason, at: datetime) -> bool:
        """Return whether a hold for this reason at a moment may come from it."""
        later = TRIALS if self.trouble == "key" else LATER
        return self.trouble in OWN[reason] and self.began <= at <= self.ended + later


@dataclass(frozen=True)
class Owner:
    """A booking of ours: its account, and the uids that Cal.com has given it, a new one with each move."""

    id: int
    reference: str
    account: int
    uids: Collection[str] = ()
    named: bool = False  # Cal.com names its uid to others of the same person, whom it refuses
    calcom: int = 0  # at which of several it is


@dataclass(frozen=True)
class Hold:
    """A booking that was held, and why."""

    booking: int
    account: int
    reason: str
    at: datetime


def wrong_keys(
    calls: Sequence[Mapping[str, Any]], owners: Collection[Owner], keys: Mapping[int, Collection[str]]
) -> Iterator[str]:
    """Find the calls about a booking that another account's key made; `keys` are those that each ever had.

    A call names a booking by our reference, or by a uid in the address; several accounts may have had a seat of one.
    A booking that Cal.com has named to another account is left out: that account asks whose it is.
    What is sent without a key is wrong with a reference only: a move goes so, where the host is to confirm it.
    """
    for call, theirs in _about(calls, owners):
        if call["key"] is None and not call["reference"]:
            continue
        if not any(call["key"] in keys.get(one.account, ()) for one in theirs):
            numbers = ", ".join(str(one.account) for one in theirs)
            yield f"booking {theirs[0].id}: {call['method']} with the key {call['key']}, and it is account {numbers}'s"


def elsewhere(calls: Sequence[Mapping[str, Any]], owners: Collection[Owner]) -> Iterator[str]:
    """Find the calls about a booking that another Cal.com than its account's received."""
    for call, theirs in _about(calls, owners):
        if call["calcom"] not in {one.calcom for one in theirs}:
            place, own = call["calcom"], theirs[0].calcom
            yield f"booking {theirs[0].id}: {call['method']} at Cal.com {place}, and its account is at {own}"


def _about(
    calls: Sequence[Mapping[str, Any]], owners: Collection[Owner]
) -> Iterator[tuple[Mapping[str, Any], list[Owner]]]:
    by_reference: dict[str, list[Owner]] = {one.reference: [one] for one in owners}
    by_uid: dict[str, list[Owner]] = {}
    for one in owners:
        for uid in () if one.named else one.uids:
            by_uid.setdefault(uid, []).append(one)
    for call in calls:
        if theirs := by_reference.get(call["reference"] or "") or by_uid.get(_uid(call["target"]), []):
            yield call, theirs


def of_another(holds: Collection[Hold], hurt: Mapping[int, Collection[Period]]) -> Iterator[str]:
    """Find the bookings that were held for a trouble that neither their account nor its Cal.com had then."""
    for one in holds:
        reason = HoldReason(one.reason)
        if reason in OWN and not any(period.explains(reason, one.at) for period in hurt.get(one.account, ())):
            yield f"booking {one.booking}: held ({one.reason}) at {one.at}, and account {one.account} was well"


def _uid(target: str) -> str:
    path = urlsplit(target).path.split("/")
    return path[3] if path[:3] == ["", "v2", "bookings"] and len(path) > 3 else ""
