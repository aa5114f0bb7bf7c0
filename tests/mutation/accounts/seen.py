"""What people see of several accounts, and their audit at night, broken on purpose."""

from functools import partial

from tests.mutation.breakage import Breakage

_TROUBLES = "tests/integration/accounts/test_account_troubles.py::"
_NIGHT = "tests/integration/accounts/test_night_of_accounts.py::"
_sql = partial(Breakage, promise=6, file="db/sql/held_causes.sql")
_ONE = "tests/integration/cli/accounts/test_cli_one_account.py::"
_RESTORED = "tests/integration/cli/audits/test_cli_restored_accounts.py::"
_IMPORT = "tests/integration/cli/accounts/test_cli_import.py::"
_import = partial(Breakage, promise=5, file="worker/onboarding/command.py")
_REPORT = "tests/integration/cli/accounts/test_cli_account_report.py::"
_report = partial(Breakage, promise=6, test=f"{_REPORT}test_each_number_of_a_report_is_its_accounts")
_read = partial(_report, file="db/monitoring/report.py")
_LOGIN = "tests/integration/page/test_page_of_an_account.py::"
_page = partial(Breakage, promise=6, file="worker/page/accounts/login.py")
_bringing = partial(Breakage, promise=5, file="worker/onboarding/bringing.py")
_seen = partial(Breakage, promise=6)
_restored = partial(Breakage, promise=2, file="worker/cli/audit/restored.py")
_lost = partial(Breakage, promise=2, file="tasks/audit/restored.py")
_counts = partial(Breakage, promise=6, file="db/monitoring/status_queries.py")
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
        old="if accounts.several and reason in _OF_DEFAULT:",
        new="if False:",
        test=f"{_TROUBLES}test_a_refused_key_names_its_account_until_it_is_rotated",
    ),
    _seen(
        name="no-name-leads-to-an-accounts-page",
        file="worker/page/static/sections/accounts.js",
        old="href: path(`/accounts/${one.name}`)",
        new="href: held",
        test="tests/browser/overview/test_accounts.py::test_a_paused_account_stands_on_the_page_and_leads_to_its_bookings",
    ),
    _seen(
        name="a-list-has-the-bookings-of-all-accounts",
        file="db/appointments/listing.py",
        old='        made["account"] = columns["account_id"] == named.scalar_subquery()',
        new="        pass",
        test=f"{_TROUBLES}test_the_list_of_an_account_has_its_bookings_alone",
    ),
    _counts(
        name="status-of-an-account-counts-all",
        old="select(_columns.status, func.count()).where(*_of(account))",
        new="select(_columns.status, func.count())",
        test=f"{_ONE}test_status_counts_the_bookings_of_the_account",
    ),
    _counts(
        name="holds-of-an-account-are-those-of-all",
        old="        .where(_columns.status == Status.HELD, *_of(account))",
        new="        .where(_columns.status == Status.HELD)",
        test=f"{_ONE}test_status_counts_the_bookings_of_the_account",
    ),
    _counts(
        name="another-accounts-booking-waits-for-a-worker",
        old="Status.BOOKING, Status.HELD]), *_of(account))",
        new="Status.BOOKING, Status.HELD]))",
        test=f"{_ONE}test_status_counts_the_bookings_of_the_account",
    ),
    _seen(
        name="the-report-of-an-account-counts-all",
        file="db/sql/report_bookings.sql",
        old="\n    AND (CAST(:account AS integer) IS NULL OR account_id = :account)",
        new="\n    AND (CAST(:account AS integer) IS NULL OR account_id <> 0)",
        test=f"{_ONE}test_the_report_of_an_account_has_the_lines_about_its_bookings",
    ),
    _seen(
        name="the-waits-of-an-account-are-those-of-all",
        file="db/sql/report_waits.sql",
        old="        AND (CAST(:account AS integer) IS NULL OR appointment.account_id = :account)\n",
        new="        AND (CAST(:account AS integer) IS NULL OR appointment.account_id <> 0)\n",
        test=f"{_ONE}test_the_report_of_an_account_has_the_lines_about_its_bookings",
    ),
    _seen(
        name="another-accounts-holds-are-sent-again",
        file="db/sql/release_so.sql",
        old="        AND (CAST(:account AS integer) IS NULL OR account_id = :account)\n",
        new="        AND (CAST(:account AS integer) IS NULL OR account_id <> 0)\n",
        test=f"{_ONE}test_only_what_is_held_of_the_account_is_sent_again",
    ),
    _seen(
        name="an-audit-asks-with-one-key-for-all",
        file="worker/cli/audit/each_account.py",
        old="            calls.use(number)\n",
        new="            calls.account = number\n",
        test=f"{_ONE}TestAudit::test_each_account_is_asked_for_with_its_own_key",
    ),
    _seen(
        name="one-accounts-audit-clears-the-night-of-all",
        file="worker/cli/audit/audit.py",
        old="if fix and clean and account is None:",
        new="if fix and clean:",
        test=f"{_ONE}TestAudit::test_what_one_account_has_mended_clears_no_others_night",
    ),
    _seen(
        name="what-was-unknown-is-asked-for-by-the-settings",
        file="tasks/audit/survey.py",
        old="bookings.once_unknown(conn, account=calls.account)",
        new="bookings.once_unknown(conn)",
        test=f"{_ONE}TestAudit::test_once_unknown_is_of_each_account",
    ),
    _restored(
        name="a-restore-asks-default-alone",
        old="for one in found if one.state is AccountState.ACTIVE}",
        new="for one in found[:1]}",
        test=f"{_RESTORED}test_each_account_is_asked_with_its_own_key",
    ),
    _restored(
        name="a-restore-is-done-though-an-account-was-not-asked",
        old="    if halted:\n",
        new="    if len(halted) > len(meant):\n",
        test=f"{_RESTORED}test_an_account_that_cannot_be_asked_is_named_and_is_no_end",
    ),
    _lost(
        name="what-is-lost-of-any-account-waits-for-default",
        old="absent_in=deps.timings.ends_unanswered, account=account)",
        new="absent_in=deps.timings.ends_unanswered)",
        test=f"{_RESTORED}test_each_account_is_asked_with_its_own_key",
    ),
    _lost(
        name="the-row-of-another-account-is-lost",
        old="for row in rows), *others}",
        new="for row in rows)}",
        test=f"{_RESTORED}test_each_account_is_asked_with_its_own_key",
    ),
    Breakage(
        name="what-two-accounts-see-is-taken-twice",
        promise=2,
        file="db/migrations/initial/audits.sql",
        old="    DELETE FROM restored_bookings WHERE reference = taken.reference;\n",
        new="    DELETE FROM restored_bookings WHERE reference = taken.reference AND account_id = taken.account_id;\n",
        test="tests/integration/appointments/test_db_accounts_apart.py"
        "::test_a_restored_booking_that_two_accounts_see_is_taken_once[0]",
    ),
    _seen(
        name="a-search-of-an-account-finds-all",
        file="worker/page/data.py",
        old="limit=FOUND, account=account)",
        new="limit=FOUND)",
        test="tests/integration/page/test_page_data.py::test_a_search_of_an_account_finds_its_bookings_alone",
    ),
    _night(
        name="a-night-asks-for-all-accounts-with-one-key",
        old="            self.calls.use(account)",
        new="            pass",
        test=f"{_NIGHT}test_each_account_is_audited_with_its_own_key",
    ),
    _night(
        name="one-account-ends-the-audit-of-all",
        old="                    shut.append(account)",
        new="                    raise",
        test=f"{_NIGHT}test_an_account_that_cannot_be_asked_stops_no_other",
    ),
    _seen(
        name="others-read-the-keys-of-clients",
        promise=7,
        file="worker/onboarding/folder.py",
        old="os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)",
        new="os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)",
        test=f"{_IMPORT}test_what_is_secret_is_in_its_owners_file_alone",
    ),
    _import(
        name="a-file-with-a-wrong-line-is-brought-in",
        old="    if problems or not clients:",
        new="    if not clients:",
        test=f"{_IMPORT}test_a_file_with_a_wrong_line_stores_nothing",
    ),
    _night(
        name="accounts-are-audited-in-turn",
        old="ThreadPoolExecutor(AT_ONCE, thread",
        new="ThreadPoolExecutor(1, thread",
        test=f"{_NIGHT}test_accounts_are_audited_side_by_side",
    ),
    _night(
        name="ten-thousand-accounts-take-two-nights",
        old="AT_ONCE = 16 ",
        new="AT_ONCE = 4 ",
        test="tests/unit/audits/test_night_of_ten_thousand.py::test_ten_thousand_accounts_end_in_a_night",
    ),
    _import(
        name="one-client-ends-the-import-of-all",
        old="            wrong += not ok\n",
        new="            wrong += not ok\n            if not ok:\n                break\n",
        test=f"{_IMPORT}test_one_wrong_key_stops_no_other_client",
    ),
    _bringing(
        name="an-import-of-many-gives-up-at-the-limit",
        old="if later.after > left:",
        new="if True:",
        test=f"{_IMPORT}test_an_import_waits_for_the_limit_of_calls",
    ),
    _report(
        name="a-report-counts-the-bookings-of-all-accounts",
        file="db/sql/account_days.sql",
        old=" AND account_id = :account",
        new="",
    ),
    _report(
        name="a-report-has-the-outage-of-another-account",
        file="db/sql/account_moves.sql",
        old="account_id = :account AND created_at > :since",
        new="account_id > 0 AND created_at > :since",
    ),
    _read(
        name="a-report-names-what-is-at-risk-of-others",
        old="appointments.c.account_id == account",
        new="appointments.c.account_id != account",
    ),
    _page(
        name="an-accounts-login-opens-the-page-of-another",
        old=" and (key.account or DEFAULT) == account",
        new="",
        test=f"{_LOGIN}test_an_accounts_login_opens_its_page_and_no_other_address",
    ),
    _page(
        name="any-key-of-an-account-is-a-login",
        old=" and Scope.REPORT in key.scopes",
        new="",
        test=f"{_LOGIN}test_only_a_key_in_force_with_the_scope_is_a_login",
    ),
    _seen(
        name="an-accounts-login-reads-the-bookings-of-all",
        file="worker/page/base.py",
        old="        except HTTPError:  # basic authentication failed\n            known = None",
        new="        except HTTPError:  # basic authentication failed\n            known = True",
        test=f"{_LOGIN}test_an_accounts_login_opens_its_page_and_no_other_address",
    ),
    _bringing(
        name="another-clients-key-passes-for-its-own",
        old="if client.key is not None and self._mark(",
        new="if client.key is None and self._mark(",
        test=f"{_IMPORT}test_another_key_in_the_file_is_no_rotation",
    ),
)
"""Each rule here keeps another account's key out of a message to an operator, or out of a call."""
