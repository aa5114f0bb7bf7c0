"""What is not known is said to be nothing, and what is told by words of somebody else: broken on purpose."""

from functools import partial

from tests.mutation.breakage import Breakage

_REMEDIES = "tests/integration/overview/test_account_remedies.py::"
_CHECKS = "tests/integration/cli/accounts/test_cli_account_checks.py::"
_QUICK = "tests/integration/cli/status/test_cli_quick.py::"
_PAGE = "tests/integration/page/test_page_accounts.py::"
_said = partial(Breakage, promise=6, file="tasks/accounts/remedies.py")
_checked = partial(Breakage, promise=6, file="worker/cli/check/calcom.py")
_status = partial(Breakage, promise=6, file="worker/cli/status/deployment.py")
_asked = partial(Breakage, promise=6, file="worker/console/broker.py")
_script = partial(Breakage, promise=6)
_calls = partial(Breakage, promise=6, file="worker/cli/orders/calls.py")

NOT_KNOWN: tuple[Breakage, ...] = (
    _script(
        name="nothing-is-held-where-nobody-could-read",
        file="worker/page/static/sections/holds.js",
        old='  if (!holds) return fill(container, nothing("Not known now."));\n  const some = holds.filter(',
        new="  const some = (holds ?? []).filter(",
        test="tests/browser/overview/test_servers_gone.py::test_what_nobody_could_read_is_not_said_to_be_nothing",
    ),
    _script(
        name="a-capped-figure-is-shown-as-all",
        file="worker/page/static/sections/totals.js",
        old="count(value, more.has(state))",
        new="count(value)",
        test="tests/browser/overview/test_drawing.py::test_a_figure_that_is_counted_up_to_a_cap_has_a_plus",
    ),
    _script(
        name="a-capped-figure-is-not-named",
        file="tasks/overview/payload.py",
        old=" if count >= counts_now.CAP), *held]",
        new=" if count > counts_now.CAP), *held]",
        test="tests/unit/overview/test_verdict.py::test_what_is_counted_up_to_a_cap_is_named",
    ),
    _status(
        name="a-message-that-did-not-arrive-has-told-somebody",
        old='ago(incident.notified_at, now)}" if incident.notified_at else "not told yet"',
        new='ago(incident.notified_at or incident.opened_at, now)}"',
        test="tests/integration/cli/test_cli_alerts.py::test_status_names_open_incidents",
    ),
    _script(
        name="a-wait-in-line-is-a-wait-for-a-worker",
        file="db/monitoring/status_queries.py",
        old="func.min(_columns.updated_at).filter(status == Status.PENDING)",
        new="func.min(_columns.requested_at).filter(status == Status.PENDING)",
        test="tests/integration/cli/status/test_cli_status.py::test_who_waited_in_line_has_not_waited_for_a_worker",
    ),
    _said(
        name="an-accounts-key-is-cured-by-the-setting",
        old="    if account in {None, DEFAULT}:\n",
        new="    if account:\n",
        test=f"{_REMEDIES}test_an_accounts_key_is_rotated",
    ),
    _said(
        name="an-accounts-key-is-tried-each-minute",
        old='return "each minute" if account is None else',
        new='return "each minute" if account else',
        test=f"{_REMEDIES}test_an_accounts_key_is_rotated",
    ),
    _checked(
        name="a-check-asks-with-the-key-of-default-for-all",
        old="        asking.use(account.id)\n",
        new="",
        test=f"{_CHECKS}test_each_key_is_asked_with",
    ),
    _checked(
        name="a-block-is-no-refusal",
        old="refused = no.reason is Reason.CREDENTIALS",
        new="refused = False",
        test=f"{_CHECKS}test_a_refused_key_is_named_with_what_ends_that",
    ),
    _script(
        name="a-row-names-no-account",
        file="worker/page/data.py",
        old='{"account": names.get(values.pop("account_id"))}',
        new='{"account": None if values.pop("account_id") else names}',
        test=f"{_PAGE}test_each_row_names_its_account",
    ),
    _script(
        name="a-file-of-one-account-has-a-column-for-it",
        file="worker/page/export.py",
        old='(*COLUMNS, "account") if names else COLUMNS',
        new='(*COLUMNS, "account")',
        test=f"{_PAGE}test_of_one_account_nothing_is_named",
    ),
    _script(
        name="a-move-of-ours-was-made-at-cal-com",
        file="tasks/story/booking_story.py",
        old='return "by us" if by_us else "at Cal.com"',
        new='return "at Cal.com" if by_us else "by us"',
        test=f"{_PAGE}test_a_moved_booking_has_its_present_start",
    ),
    _calls(
        name="who-was-promised-a-call-is-on-no-list",
        old="[*at_risk, *calls.promised(conn, now)]",
        new="at_risk",
        test="tests/integration/cli/test_cli_actions.py::"
        "test_who_was_promised_a_call_is_listed_until_somebody_has_called",
    ),
    _calls(
        name="the-call-list-has-the-start-that-was-asked-for",
        old="row.booked_start_at or row.start_at",
        new="row.start_at",
        test="tests/integration/cli/test_cli_actions.py::test_a_call_list_has_where_a_booking_is_now",
    ),
    _script(
        name="a-wrong-account-passes-the-check",
        file="worker/cli/check/check.py",
        old='            yield CheckResult("account", ok=False,',
        new='            yield CheckResult("account", ok=True,',
        test=f"{_CHECKS}test_a_refused_key_is_named_with_what_ends_that",
    ),
    _script(
        name="a-question-to-postgres-loads-what-sends",
        file="worker/cli/session.py",
        old="    log_to_stderr()\n    settings = running(Settings.load())\n",
        new="    settings = running(Settings.load())\n    wired()\n",
        test=f"{_QUICK}test_a_question_to_postgres_loads_nothing_that_sends[command0]",
    ),
    _asked(
        name="a-fleet-that-has-answered-is-waited-for",
        old="for patience in (min(NEXT_ANSWER, ping), ping):",
        new="for patience in (ping,):",
        test=f"{_QUICK}test_workers_that_have_answered_end_the_long_wait[answers0-asked0]",
    ),
    _script(
        name="workers-are-asked-once-all-is-loaded",
        file="worker/cli/status/workers.py",
        old="import typer\n",
        new="import typer\n\nfrom tasks.overview import reading as reading\n",
        test=f"{_QUICK}test_workers_are_asked_before_what_reads_the_rest_is_loaded",
    ),
    _asked(
        name="workers-are-asked-by-what-their-thread-has-to-load",
        old="        app.amqp.Connection(url).get_transport_cls()\n",
        new="        pass\n",
        test=f"{_QUICK}test_workers_are_asked_before_what_reads_the_rest_is_loaded",
    ),
    _script(
        name="garbage-is-searched-for-in-what-is-loaded",
        file="worker/cli/loading.py",
        old="    gc.disable()\n",
        new="",
        test=f"{_QUICK}test_nothing_is_searched_for_garbage_while_it_is_loaded",
    ),
)
