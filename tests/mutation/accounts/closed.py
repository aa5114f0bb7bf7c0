"""Closed accounts: what would be promised for them, or left of them, without its guard."""

from functools import partial

from tests.mutation.breakage import Breakage

_CLOSED = "tests/integration/accounts/test_closed_accounts.py::"
_API = "tests/integration/api/test_api_accounts.py::"
_COUNTED = f"{_CLOSED}test_what_is_open_or_to_come_is_counted"
_HELD = f"{_CLOSED}test_what_is_held_of_a_closed_account_is_an_incident[alone]"
_REPEAT = f"{_CLOSED}test_a_repeat_is_told_what_became_of_the_wish"
_TOLD = f"{_API}test_the_key_of_a_closed_account_changes_nothing"
_change = partial(Breakage, promise=1, file="tasks/changes/ask/change.py")
_closing = partial(Breakage, promise=1, file="tasks/operations/accounts/closing.py")
_of_account = partial(Breakage, promise=1, file="db/queue/of_account.py")
_troubles = partial(Breakage, promise=1, file="db/account_troubles.py")
_met = partial(Breakage, promise=1, file="db/sql/change_met.sql")
_voice = partial(Breakage, promise=1, file="worker/api/voice/tools.py")
_asking = partial(Breakage, promise=1, file="tasks/changes/ask/store.py")

CLOSED_ACCOUNTS = (
    _met(
        name="a-closed-account-is-taken-for-open",
        old="coalesce((SELECT state <> 'closed' FROM kept), true)",
        new="true",
        test=f"{_REPEAT}[cancel]",
    ),
    _change(
        name="a-cancel-of-a-closed-account",
        old="if meant is not AskOutcome.CANCELLED and not moment.is_open:",
        new="if False:",
        test=f"{_REPEAT}[cancel]",
    ),
    _change(
        name="a-closed-account-cancels-nothing-at-all",
        old="if meant is not AskOutcome.CANCELLED and not moment.is_open:",
        new="if not moment.is_open:",
        test=f"{_CLOSED}test_what_a_closed_account_has_kept_is_cancelled_without_a_call",
    ),
    _change(
        name="a-move-of-a-closed-account",
        old="    if not moment.is_open:\n",
        new="    if False:\n",
        test=f"{_REPEAT}[move]",
    ),
    _asking(
        name="weeks-of-a-closed-account",
        old="    if not moment.is_open:\n",
        new="    if False:\n",
        test=f"{_CLOSED}test_what_a_closed_account_has_kept_is_cancelled_without_a_call",
    ),
    _asking(
        name="a-repeat-promises-for-a-closed-account",
        old="    if not (moment.is_open or change.over):\n",
        new="    if False:\n",
        test=f"{_REPEAT}[cancel]",
    ),
    _asking(
        name="a-closed-account-knows-no-wish",
        old="    if not (moment.is_open or change.over):\n",
        new="    if not moment.is_open:\n",
        test=f"{_REPEAT}[move]",
    ),
    Breakage(
        name="a-failed-booking-of-a-closed-account-is-sent",
        promise=1,
        file="tasks/operations/retry.py",
        old="return None if accounts.lock_open(conn, row.account_id) else AskOutcome.ACCOUNT_CLOSED",
        new="return None",
        test=f"{_CLOSED}test_nothing_of_a_closed_account_is_sent_again",
    ),
    _voice(
        name="an-agent-notes-for-a-closed-account",
        old="    except CustomerValidationException:  # the",
        new="    except ZeroDivisionError:  # the",
        test=_TOLD,
    ),
    _voice(
        name="an-agent-reads-out-a-closed-account",
        old="        AskOutcome.ACCOUNT_CLOSED: Asked.CLOSED,\n",
        new="",
        test=_TOLD,
    ),
    _closing(
        name="closed-with-living-bookings",
        old="    if found.bookings:\n",
        new="    if False:\n",
        test="tests/integration/accounts/test_account_operations.py::test_an_account_closes_when_none_of_its_bookings_lives",
    ),
    _closing(
        name="closed-over-what-is-open-or-to-come",
        old="    if yes or not (found.changes or found.to_come):\n",
        new="    if True:\n",
        test=_COUNTED,
    ),
    _closing(
        name="an-unread-wish-is-not-counted",
        old="unfinished.changes + unfinished.wishes",
        new="unfinished.changes",
        test=_COUNTED,
    ),
    _of_account(
        name="no-series-is-to-come",
        old="_columns.series_uid.is_not(None)",
        new="_columns.series_uid.is_not(None) & (_present_start > func.now())",
        test=_COUNTED,
    ),
    _closing(
        name="closed-over-what-is-being-sent",
        old="        if left := of_account.unfinished(conn, account.id).changes:\n",
        new="        if left := 0:\n",
        test=f"{_CLOSED}test_what_was_sent_is_waited_for_while_it_may_become_known",
    ),
    _closing(
        name="a-sent-change-is-withdrawn-by-closing",
        old="        if change.is_unsent:\n",
        new="        if change.status is ChangeStatus.HELD:\n",
        test=f"{_CLOSED}test_what_nobody_can_know_any_more_is_named",
    ),
    _closing(
        name="a-change-of-no-key-said-to-have-done-nothing",
        old='"may_have_moved": True}',
        new='"may_have_moved": False}',
        test=f"{_CLOSED}test_what_nobody_can_know_any_more_is_named",
    ),
    _closing(
        name="what-an-older-release-has-left-stays-open",
        old="is ChangeStatus.HELD and (is_closed or change",
        new="is ChangeStatus.HELD and (False or change",
        test=f"{_CLOSED}test_what_an_older_release_has_left_open_is_ended",
    ),
    Breakage(
        name="closing-waits-for-a-booking",
        promise=1,
        file="db/sql/change_of_account.sql",
        old="OF booking, change SKIP LOCKED",
        new="OF booking, change",
        test=f"{_CLOSED}test_who_closes_waits_for_no_booking",
    ),
    _met(
        name="closed-while-a-wish-is-stored",
        old="id <> 1\n    FOR KEY SHARE",
        new="id <> 1",
        test=f"{_CLOSED}test_who_closes_waits_for_a_wish_that_is_being_stored",
    ),
    # -- what is held all the same
    _of_account(
        name="a-change-of-a-closed-account-alarms-nobody",
        old="    for kind in KINDS:\n",
        new="    for kind in KINDS[:1]:\n",
        test=_HELD,
    ),
    _troubles(
        name="a-closed-account-is-not-seen-alone",
        old="        return AccountTroubles(*_closed(closed)) if closed else NO_TROUBLE\n",
        new="        return NO_TROUBLE\n",
        test=_HELD,
    ),
    Breakage(
        name="a-closed-account-is-said-to-be-unreadable",
        promise=1,
        file="tasks/accounts/door.py",
        old='"its account is closed", CLOSED)',
        new='"its account is closed", UNREADABLE)',
        test=_HELD,
    ),
    Breakage(
        name="a-closed-account-is-a-refused-key",
        promise=1,
        file="tasks/incidents/observations.py",
        old="accounts.count(AccountTrouble.CLOSED) and not is_stopped",
        new="not block",
        test=_HELD,
    ),
    _troubles(
        name="a-closed-account-needs-nobody",
        old="{AccountTrouble.CLOSED, AccountTrouble.UNREADABLE",
        new="{AccountTrouble.UNREADABLE",
        test=_HELD,
    ),
    Breakage(
        name="a-closed-account-has-two-troubles",
        promise=1,
        file="db/sql/held_causes.sql",
        old=" AND account.state <> 'closed'\n",
        new="\n",
        test=f"{_CLOSED}test_what_an_older_release_has_held_has_its_true_name",
    ),
)
