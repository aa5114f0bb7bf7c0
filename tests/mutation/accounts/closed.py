"""Closed accounts: what would be promised for them, or left of them, without its guard."""

from functools import partial

from tests.mutation.breakage import Breakage

_CLOSED = "tests/integration/accounts/test_closed_accounts.py::"
_API = "tests/integration/api/test_api_accounts.py::"
_REPEAT = f"{_CLOSED}test_a_repeat_is_told_what_became_of_the_wish"
_TOLD = f"{_API}test_the_key_of_a_closed_account_changes_nothing"
_cancelling = partial(Breakage, promise=1, file="tasks/operations/cancelling.py")
_voice = partial(Breakage, promise=1, file="worker/api/voice/tools.py")
_asking = partial(Breakage, promise=1, file="tasks/operations/change_asking.py")

CLOSED_ACCOUNTS = (
    Breakage(
        name="a-closed-account-is-taken-for-open",
        promise=1,
        file="db/sql/change_met.sql",
        old="coalesce((SELECT state <> 'closed' FROM kept), true)",
        new="true",
        test=f"{_REPEAT}[cancel]",
    ),
    _cancelling(
        name="a-cancel-of-a-closed-account",
        old="if meant is not CommandOutcome.CANCELLED and not moment.is_open:",
        new="if False:",
        test=f"{_REPEAT}[cancel]",
    ),
    _cancelling(
        name="a-closed-account-cancels-nothing-at-all",
        old="if meant is not CommandOutcome.CANCELLED and not moment.is_open:",
        new="if not moment.is_open:",
        test=f"{_CLOSED}test_what_a_closed_account_has_kept_is_cancelled_without_a_call",
    ),
    Breakage(
        name="a-move-of-a-closed-account",
        promise=1,
        file="tasks/operations/rescheduling.py",
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
        file="tasks/operations/booking_commands.py",
        old="return None if accounts.lock_open(conn, row.account_id) else CommandOutcome.ACCOUNT_CLOSED",
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
        old="        CommandOutcome.ACCOUNT_CLOSED: Asked.CLOSED,\n",
        new="",
        test=_TOLD,
    ),
)
