"""What people see of several accounts, and their audit at night, broken on purpose."""

from functools import partial

from tests.mutation.breakage import Breakage

_TROUBLES = "tests/integration/accounts/test_account_troubles.py::"
_NIGHT = "tests/integration/accounts/test_night_of_accounts.py::"
_sql = partial(Breakage, promise=6, file="db/sql/accounts_in_trouble.sql")
_seen = partial(Breakage, promise=6)
_night = partial(Breakage, promise=6, file="tasks/audit/nightly.py")

SEEN: tuple[Breakage, ...] = (
    _sql(
        name="the-own-breaker-of-an-account-is-not-seen",
        old="    WHERE newest.new_state <> 'closed'",
        new="    WHERE newest.new_state = 'closed'",
        test=f"{_TROUBLES}test_each_trouble_of_an_account_is_named_once",
    ),
    _sql(
        name="a-rotated-key-is-still-refused",
        old="    JOIN calcom_accounts AS account USING (key_fingerprint)",
        new="    JOIN calcom_accounts AS account ON account.id <> 1",
        test=f"{_TROUBLES}test_a_refused_key_names_its_account_until_it_is_rotated",
    ),
    _seen(
        name="the-key-of-default-is-blamed-for-anothers",
        file="tasks/incidents/observations.py",
        old="accounts.count(*_KEYS) and block is not Block.CREDENTIALS:",
        new="False:",
        test=f"{_TROUBLES}test_a_refused_key_names_its_account_until_it_is_rotated",
    ),
    _seen(
        name="a-list-has-the-bookings-of-all-accounts",
        file="db/appointments/listing.py",
        old='        made["account"] = columns["account_id"] == named.scalar_subquery()',
        new="        pass",
        test=f"{_TROUBLES}test_the_list_of_an_account_has_its_bookings_alone",
    ),
    _night(
        name="a-night-asks-for-all-accounts-with-one-key",
        old="            self.calls.use(account)",
        new="            pass",
        test=f"{_NIGHT}test_each_account_is_audited_with_its_own_key",
    ),
    _night(
        name="one-account-ends-the-audit-of-all",
        old="                shut.append(account)",
        new="                raise",
        test=f"{_NIGHT}test_an_account_that_cannot_be_asked_stops_no_other",
    ),
)
"""Each rule here keeps another account's key out of a message to an operator, or out of a call."""
