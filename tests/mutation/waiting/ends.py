"""What ends each hold of a booking and of a change, and what a closed account promises: each is needed.

`searches/model_holds.py` takes each away, and searches its deal.
"""

from dataclasses import dataclass
from functools import partial

from tests.model.holds.steps import AGAIN, NOTED, OVER_OPEN
from tests.mutation.breakage import Removal

STANDSTILL = "somebody waits for ever"


@dataclass(frozen=True, slots=True)
class HoldRule(Removal):
    """A rule, as the product is without it; the deal of the model that needs it, and what is then found."""

    deal: str
    finds: str = STANDSTILL


_waits = partial(HoldRule, file="db/queue/waits.py")
_release_due = partial(HoldRule, file="db/sql/release_due.sql")
_recovery = partial(HoldRule, file="tasks/maintenance/recovery.py")
_line = partial(HoldRule, file="tasks/maintenance/line.py")
_release = partial(HoldRule, file="tasks/maintenance/release.py")
_turns = partial(HoldRule, file="tasks/maintenance/turns.py")
_change = partial(HoldRule, file="tasks/changes/ask/change.py")
_asking = partial(HoldRule, file="tasks/changes/ask/store.py")
_closing = partial(HoldRule, file="tasks/operations/accounts/closing.py")
_FOR_A_CALL = {
    "old": "for kind in KINDS]\n    return Waiting(",
    "new": "for kind in KINDS[:1]]\n    return Waiting(",
}
_IN_LINE = {"old": "for kind in KINDS)) for reason", "new": "for kind in KINDS[:1])) for reason"}
_ANOTHER_KEY = {
    "old": "AND account_id = :account AND held_for > :key\n",
    "new": "AND account_id = :account AND false\n",
}

HOLD_RULES = (
    # -- the harmless call is asked for by who waits, whatever waits
    _waits(name="no-call-for-a-cancel-that-waits-for-the-key", **_FOR_A_CALL, deal="cancel, key"),
    _waits(name="no-call-for-a-move-that-waits-for-the-key", **_FOR_A_CALL, deal="move, key"),
    _waits(name="no-call-for-a-move-that-waits-for-the-settings", **_FOR_A_CALL, deal="move, settings"),
    _waits(name="no-call-for-a-cancel-that-waits-for-hours", **_IN_LINE, deal="cancel, hours"),
    _waits(name="no-call-for-a-move-that-waits-for-hours", **_IN_LINE, deal="move, hours"),
    _waits(
        name="a-change-behind-a-page-is-never-tried",
        old="    for kind in KINDS:\n        found",
        new="    for kind in KINDS[:1]:\n        found",
        deal="cancel, page",
    ),
    _recovery(
        name="no-call-for-hours",
        old="(refused or wrong or seen.throttled_for) and queued",
        new="(refused or wrong) and queued",
        deal="booking, hours",
    ),
    _recovery(
        name="no-call-behind-a-page",
        old="(wrong or paged) and held.configuration",
        new="wrong and held.configuration",
        deal="move, page",
    ),
    # -- each hold ends by the state of its cause
    _release_due(
        name="a-hold-for-settings-without-a-time-stays",
        old=":settings_work\n        AND (hold_until IS NULL OR hold_until <= now())",
        new=":settings_work\n        AND (hold_until <= now())",
        deal="cancel, settings",
    ),
    _release_due(
        name="a-hold-for-a-key-that-is-good-again-stays",
        old="AND held_for = :key AND :key_works",
        new="AND held_for = :key AND false",
        deal="move, key",
    ),
    _release_due(name="a-hold-for-another-key-stays", **_ANOTHER_KEY, deal="cancel, key"),
    _release_due(name="a-hold-for-a-key-that-was-unreadable-stays", **_ANOTHER_KEY, deal="move, encryption key"),
    _release_due(
        name="a-hold-for-other-settings-stays",
        old="AND account_id = :account AND held_for > :settings\n",
        new="AND account_id = :account AND false\n",
        deal="move, settings",
    ),
    _release_due(
        name="what-a-pause-has-held-stays", old="own.state = 'active'", new="own.state = 'closed'", deal="cancel, pause"
    ),
    # -- the line lets both kinds go
    _line(
        name="no-change-leaves-the-line",
        old="kinds = () if bookings_only else changes.KINDS",
        new="kinds = ()",
        deal="cancel, hours",
    ),
    _release(
        name="a-move-alone-in-the-line-is-no-probe",
        old="        if probing and not waiting:\n",
        new="        if False:\n",
        deal="move, breaker",
    ),
    _turns(
        name="a-change-with-a-place-stays",
        old="for kind in KINDS for row",
        new="for kind in KINDS[:1] for row",
        deal="cancel, breaker",
    ),
    # -- nothing is promised for a closed account
    _change(
        name="a-cancel-noted-for-a-closed-account",
        old="if meant is not AskOutcome.CANCELLED and not moment.is_open:",
        new="if False:",
        deal="closed, wishes",
        finds=NOTED,
    ),
    _change(
        name="a-move-noted-for-a-closed-account",
        old="    if not moment.is_open:\n",
        new="    if False:\n",
        deal="closed, wishes",
        finds=NOTED,
    ),
    HoldRule(
        name="a-closed-account-counts-as-open",
        file="db/sql/change_met.sql",
        old="coalesce((SELECT state <> 'closed' FROM kept), true)",
        new="true",
        deal="closed, wishes",
        finds=NOTED,
    ),
    _asking(
        name="a-repeat-noted-for-a-closed-account",
        old="    if not (moment.is_open or change.over):\n",
        new="    if False:\n",
        deal="closed before, by an older release",
        finds=NOTED,
    ),
    HoldRule(
        name="a-booking-of-a-closed-account-tried-again",
        file="tasks/operations/retry.py",
        old="return None if accounts.lock_open(conn, row.account_id) else AskOutcome.ACCOUNT_CLOSED",
        new="return None",
        deal="closed, retry",
        finds=AGAIN,
    ),
    _closing(
        name="an-account-closed-over-a-booking",
        old="    if found.bookings:\n",
        new="    if False:\n",
        deal="closed, retry",
        finds=OVER_OPEN,
    ),
    _closing(
        name="an-account-closed-over-a-change-that-was-sent",
        old="        if left := of_account.unfinished(conn, account.id).changes:\n",
        new="        if left := 0:\n",
        deal="closed, wishes",
        finds=OVER_OPEN,
    ),
    HoldRule(
        name="a-change-of-a-closed-account-is-told-to-nobody",
        file="db/queue/of_account.py",
        old="    for kind in KINDS:\n",
        new="    for kind in KINDS[:1]:\n",
        deal="closed before, by an older release",
    ),
)
"""Each needs its deal: what goes wrong without it is found there, and nothing is found with it."""
