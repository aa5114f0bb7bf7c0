"""What is held is told by its cause, broken on purpose: a count of somebody else's, or the wrong sentence first."""

from functools import partial

from tests.mutation.breakage import Breakage

_HELD = "tests/integration/overview/test_held_causes.py::test_what_the_causes_hold_adds_up_to_what_is_held"
_CAUSES = "tests/unit/overview/test_causes.py::"
_STANDING = "tests/integration/overview/test_standing.py::"
_TROUBLES = "tests/integration/accounts/test_account_troubles.py::"
_sql = partial(Breakage, promise=6, file="db/sql/held_causes.sql", test=_HELD)
_now = partial(
    Breakage,
    promise=6,
    file="db/sql/causes_now.sql",
    test="tests/integration/overview/test_held_causes.py::test_what_is_much_is_read_as_it_was_counted",
)
_part = partial(Breakage, promise=6, file="tasks/overview/ranking/causes.py")
_verdict = partial(Breakage, promise=6, file="tasks/overview/verdict.py")
_alert = partial(Breakage, promise=6, file="tasks/incidents/observations.py")

CAUSES: tuple[Breakage, ...] = (
    _sql(
        name="what-waits-in-a-line-has-no-cause",
        old="    WHERE line.number < :most\n",
        new="    WHERE line.number < 0\n",
    ),
    _sql(
        name="what-of-many-accounts-is-held-is-not-counted",
        old="GROUP BY named.name, service, cause, reason\n",
        new="GROUP BY named.name, service, cause, reason\nHAVING named.name IS NOT NULL\n",
    ),
    _sql(
        name="a-bookings-own-cause-is-its-accounts",
        old="        WHEN hold_reason IN ('blind_key', 'suspect') THEN hold_reason\n",
        new="",
    ),
    _now(
        name="an-old-count-of-causes-is-believed",
        old="WHERE kept.counted_at > now() - interval '15 seconds'\n    AND",
        new="WHERE",
    ),
    _now(
        name="what-is-little-is-read-as-it-was-counted",
        old=" AND held_now.count > :cap)",
        new=" AND held_now.count <> -:cap)",
    ),
    _part(
        name="a-limit-counts-what-waits-for-anybodys",
        old="AccountTrouble.THROTTLED, account=DEFAULT, met=",
        new="AccountTrouble.THROTTLED, met=",
        test=f"{_CAUSES}test_a_limit_says_whose_it_is_and_counts_that_accounts_alone",
    ),
    _part(
        name="the-key-of-default-holds-what-others-wait-for",
        old="AccountTrouble.REFUSED, account=DEFAULT)",
        new="AccountTrouble.THROTTLED)",
        test=f"{_CAUSES}test_the_key_of_the_settings_is_one_account_of_several",
    ),
    _part(
        name="an-account-that-is-misled-is-an-event-type",
        old="page_met=bool(misled))",
        new="page_met=True)",
        test=f"{_CAUSES}test_who_waits_for_a_person_is_told_apart_from_accounts",
    ),
    _verdict(
        name="what-needs-a-person-stands-behind-a-drain",
        old="_BADNESS.index(one.level), _urgency(one), -one.held",
        new="_BADNESS.index(one.level), -one.held",
        test=f"{_CAUSES}test_who_is_late_elsewhere_hides_nobody_who_needs_a_person",
    ),
    _verdict(
        name="a-small-cause-stands-before-a-large-one",
        old="_urgency(one), -one.held))",
        new="_urgency(one)))",
        test=f"{_CAUSES}test_of_what_goes_by_itself_the_one_that_holds_most_is_first",
    ),
    _verdict(
        name="who-needs-a-person-waits-for-a-sentence-that-is-read",
        old="        worst_rows = [one for one in worst_rows if _urgency(one) == _urgency(worst_rows[0])]\n",
        new="        pass\n",
        test=f"{_CAUSES}test_what_needs_a_person_waits_for_no_sentence_that_is_still_read",
    ),
    Breakage(
        name="a-part-foresees-its-end-by-all-that-is-held",
        promise=6,
        file="tasks/overview/ranking/queue.py",
        old=" if overview.record and not overview.record.is_part else ()",
        new=" if overview.record else ()",
        test=f"{_CAUSES}test_a_drain_counts_what_our_own_calcom_held",
    ),
    Breakage(
        name="what-waits-behind-the-key-of-default-waits-for-its-limit",
        promise=6,
        file="db/account_troubles.py",
        old="replace(one, cause=cause) if one.account == DEFAULT and _is_stopped(one) else one",
        new="one",
        test=f"{_CAUSES}test_redis_alone_knows_what_stops_the_line_of_default",
    ),
    _alert(
        name="the-incident-of-the-settings-counts-all-accounts",
        old="    waits = known.held(trouble, account=DEFAULT)\n",
        new="    waits = known.held(trouble)\n",
        test=f"{_STANDING}test_the_incident_of_the_settings_counts_the_settings_account_alone",
    ),
    _alert(
        name="calls-that-reach-no-api-are-told-to-nobody",
        old="        IncidentKind.ACCOUNT_MISLED: AccountTrouble.CONFIGURATION,\n",
        new="",
        test=f"{_STANDING}test_calls_that_reach_no_api_are_the_incident_of_their_account",
    ),
    _sql(
        name="a-cancel-alone-without-a-readable-key-is-told-to-nobody",
        old="    FROM booking_changes\n    WHERE status = 'held' AND",
        new="    FROM booking_changes\n    WHERE false AND status = 'held' AND",
        test=f"{_STANDING}test_a_cancel_alone_that_waits_for_a_key_nobody_can_decrypt_is_told",
    ),
    _sql(
        name="one-account-is-counted-with-the-one-before-it",
        old="\n                AND line.number > 0",
        new="",
        test=f"{_STANDING}test_an_account_is_counted_alone_and_in_full",
    ),
    Breakage(
        name="an-account-with-a-refused-key-is-shown-as-active",
        promise=6,
        file="tasks/accounts/standing.py",
        old="    if own is not None:\n        return AccountStanding(own.trouble,",
        new="    if own is not None:\n        return AccountStanding(None,",
        test="tests/integration/cli/accounts/test_cli_accounts.py"
        "::test_an_account_whose_key_is_refused_is_not_shown_as_active_alone",
    ),
    _alert(
        name="an-alert-of-limits-counts-the-first-of-each-line",
        old="                facts |= hold_facts(accounts.held(AccountTrouble.THROTTLED), timings.lead)\n",
        new="",
        test=f"{_TROUBLES}test_an_alert_of_limits_counts_all_that_waits_for_them",
    ),
)
