"""Each Cal.com's own breaker, release window, record and keys in Redis, broken on purpose."""

from functools import partial

from tests.mutation.breakage import Breakage

_SERVICES = "tests/integration/accounts/test_services.py::"
_PAGE = "tests/integration/page/test_page_actions.py::"
_TROUBLES = "tests/integration/accounts/test_account_troubles.py::"
_ELSEWHERE = "tests/integration/accounts/test_outages_elsewhere.py::"
_SENTENCES = "tests/unit/overview/test_service_sentences.py::"
_claim = partial(Breakage, promise=4, file="tasks/work/claim.py")
_release = partial(Breakage, promise=4, file="tasks/maintenance/release.py")
_turns = partial(Breakage, promise=4, file="tasks/maintenance/turns.py")
_rest = partial(Breakage, promise=3, file="resilience/lua/lib/at_rest.lua")
_service = partial(Breakage, promise=3)
_accounts = partial(Breakage, promise=3, file="tasks/operations/accounts/__init__.py")
_addresses = partial(Breakage, promise=3, file="tasks/operations/accounts/addresses.py")
_seen = partial(Breakage, promise=6)
_outages = partial(Breakage, promise=6, file="tasks/incidents/service_outages.py")
_page = partial(Breakage, promise=6, file="worker/page/actions.py")

SERVICES: tuple[Breakage, ...] = (
    _service(
        name="all-cal-coms-have-one-breaker",
        file="tasks/dependencies.py",
        old="replace(self.at_service(caller.service), calcom=client, caller=caller)",
        new="replace(self, calcom=client, caller=caller)",
        test=f"{_SERVICES}test_an_outage_of_one_holds_its_bookings_alone",
    ),
    _service(
        name="each-new-account-is-counted-in-every-other-one",
        file="db/sql/count_neighbours.sql",
        old="least(count(*), :most) AS neighbours",
        new="count(*) AS neighbours",
        test="tests/integration/accounts/test_account_operations.py::"
        "test_one_more_account_is_counted_while_it_matters_to_the_others",
    ),
    _accounts(
        name="a-key-is-tried-at-the-settings-breaker",
        old="    own = deps.at_service(service)\n",
        new="    own = deps\n",
        test=f"{_SERVICES}test_a_key_that_is_offered_counts_where_it_is_tried",
    ),
    _service(
        name="an-accounts-calls-keep-the-first-breaker",
        file="tasks/guarded_calls/calls.py",
        old="        recorded = self.deps.breaker.record(",
        new='        recorded = self.deps.services.breaker("calcom").record(',
        test=f"{_SERVICES}test_the_audit_asks_each_accounts_own_service",
    ),
    _service(
        name="a-request-is-admitted-by-the-settings-breaker",
        file="tasks/accounts/admission.py",
        old="        return view_for(caller).begin_admission(",
        new="        return view_for(first).begin_admission(",
        test=f"{_SERVICES}test_an_outage_of_one_holds_its_bookings_alone",
    ),
    _service(
        name="what-a-client-keeps-is-judged-by-the-settings-breaker",
        file="tasks/maintenance/dispatch.py",
        old="        number: deps.at_service(caller.service).breaker.view.begin_admission(",
        new="        number: deps.breaker.view.begin_admission(",
        test=f"{_SERVICES}test_what_a_client_stores_is_judged_by_its_own_service",
    ),
    _claim(
        name="a-place-goes-back-to-the-settings-window",
        old="            own = deps.at_service(deps.services.of_booking(appointment_id))\n",
        new="            own = deps\n",
        test=f"{_SERVICES}test_a_place_is_given_back_where_it_was_taken",
    ),
    _claim(
        name="the-place-of-a-paused-account-is-kept",
        old="no_access, deps = shut, deps.at_service(deps.services.of_booking(appointment_id))",
        new="no_access = shut",
        test=f"{_SERVICES}test_a_place_is_given_back_where_it_was_taken",
    ),
    _release(
        name="the-beat-releases-at-the-settings-cal-com-alone",
        old="for own in _of_each_service(deps))",
        new="for own in (deps,))",
        test=f"{_SERVICES}test_each_has_a_release_window_of_its_own",
    ),
    _turns(
        name="one-window-for-all-lines",
        old="found = queue.in_line(conn, after=first, limit=limit, service=service)",
        new="found = queue.in_line(conn, after=first, limit=limit)",
        test=f"{_SERVICES}test_each_has_a_release_window_of_its_own",
    ),
    _release(
        name="a-line-hides-those-of-another-service",
        file="db/sql/in_line.sql",
        old="ELSE (SELECT id - 1 FROM calcom_accounts WHERE service",
        new="ELSE (SELECT id FROM calcom_accounts WHERE service",
        test=f"{_SERVICES}test_a_line_of_one_service_hides_none_of_another",
    ),
    _turns(
        name="a-beat-begins-a-service-at-rest-again",
        old="if deps.breaker.service != deps.services.own.name and not _has_line(deps):",
        new="if False:",
        test=f"{_SERVICES}test_a_service_at_rest_has_no_key",
    ),
    _service(
        name="a-record-begins-a-service-at-rest-again",
        file="tasks/accounts/services.py",
        old="if not self.breaker(one.name).view.is_at_rest())",
        new="if one)",
        test=f"{_SERVICES}test_a_service_at_rest_has_no_key",
    ),
    _rest(
        name="redis-keeps-every-service-for-ever",
        old="  if string.find(KEYS[1], '{c-', 1, true) == 1 then",
        new="  if false then",
        test=f"{_SERVICES}test_a_service_at_rest_has_no_key",
    ),
    _rest(
        name="redis-forgets-the-settings-service",
        old="  if string.find(KEYS[1], '{c-', 1, true) == 1 then",
        new="  if true then",
        test=f"{_SERVICES}test_what_belongs_to_the_settings_service_stays",
    ),
    _service(
        name="a-service-in-use-is-forgotten",
        file="resilience/lua/acquire_closed.lua",
        old="then redis.call('PEXPIRE', BREAKER, KEPT) end",
        new="then end",
        test=f"{_SERVICES}test_a_service_in_use_is_not_forgotten",
    ),
    _service(
        name="an-order-is-repeated-at-the-settings-cal-com",
        file="worker/breaker.py",
        old="overrides=lambda: in_force(engine, service)",
        new="overrides=lambda: in_force(engine, OWN_SERVICE)",
        test=f"{_SERVICES}test_an_order_outlives_redis_at_its_own_service",
    ),
    _addresses(
        name="a-cal-com-in-another-spelling-is-another-one",
        old="    same = (one for one in known if normalized(one.base_url) == address)",
        new="    same = (one for one in known if one.base_url == base_url)",
        test=f"{_SERVICES}test_an_address_in_another_spelling_is_the_same_calcom",
    ),
    _accounts(
        name="the-first-account-elsewhere-wants-no-word",
        old="        if not first and service != deps.services.own.name and services",
        new="        if not services and services",
        test=f"{_SERVICES}test_the_first_account_elsewhere_wants_a_word",
    ),
    _outages(
        name="the-outage-of-another-cal-com-is-no-incident",
        old="        breakers |= {name:",
        new="        _ = {name:",
        test=f"{_SERVICES}test_an_outage_elsewhere_is_seen_by_its_host",
    ),
    _outages(
        name="a-degraded-cal-com-elsewhere-is-no-incident",
        old="else deps.services.breaker(service).calls",
        new="else detector.calls(service)",
        test=f"{_ELSEWHERE}test_a_degraded_calcom_is_an_incident_wherever_it_is",
    ),
    _outages(
        name="an-outage-counts-what-other-cal-coms-hold",
        old="accounts.held(CommonCause.SERVICE, service=one.subject)",
        new="accounts.held(CommonCause.SERVICE)",
        test=f"{_ELSEWHERE}test_each_outage_counts_the_bookings_of_its_own_accounts",
    ),
    _seen(
        name="what-failed-elsewhere-is-told-of-this-outage",
        file="tasks/incidents/update.py",
        old="ended_bookings(conn, status, since, service=of)",
        new="ended_bookings(conn, status, since)",
        test=f"{_ELSEWHERE}test_each_outage_counts_the_bookings_of_its_own_accounts",
    ),
    _outages(
        name="unclear-calls-are-told-of-each-cal-com",
        old="                of = one.subject if services.hosts else None\n",
        new="                of = None\n",
        test=f"{_ELSEWHERE}test_unclear_calls_that_are_booked_are_told_of_their_own_calcom",
    ),
    _outages(
        name="an-order-elsewhere-ends-an-outage",
        old="or status.state is State.FORCED_OPEN)):",
        new="or False)):",
        test=f"{_ELSEWHERE}test_an_order_elsewhere_is_no_outage_and_ends_none",
    ),
    _seen(
        name="without-redis-all-cal-coms-are-judged-together",
        file="db/sql/calls_by_record.sql",
        old="        account.service,\n",
        new="        CAST('calcom' AS text) AS service,\n",
        test=f"{_ELSEWHERE}test_without_redis_each_calcom_is_judged_by_its_own_bookings[there]",
    ),
    _seen(
        name="another-cal-com-is-counted-as-the-settings",
        file="db/monitoring/breaker_events.py",
        old="    return OTHERS if service.startswith(_ELSEWHERE) else endpoint or service",
        new="    return endpoint or service",
        test=f"{_SERVICES}test_an_outage_elsewhere_is_seen_by_its_host",
    ),
    _seen(
        name="a-closed-accounts-cal-com-is-still-there",
        file="db/sql/services.sql",
        old="        WHERE service > one.service AND state <> 'closed'",
        new="        WHERE service > one.service",
        test=f"{_TROUBLES}test_the_calcoms_are_walked_over_once",
    ),
    _seen(
        name="the-settings-cal-com-is-another-one",
        file="db/account_troubles.py",
        old=" if name != service and url is not None}",
        new=" if True}",
        test=f"{_TROUBLES}test_the_calcoms_are_walked_over_once",
    ),
    _seen(
        name="all-is-well-while-another-cal-com-fails",
        file="tasks/overview/verdict.py",
        old="    (services.services_fail, causes.of_all),\n",
        new="",
        test=f"{_SENTENCES}test_a_calcom_whose_calls_fail_is_named_before_its_breaker_opens",
    ),
    _seen(
        name="another-cal-com-fails-until-its-incident-is-closed",
        file="tasks/overview/ranking/services.py",
        old=" and not one.is_past]",
        new="]",
        test=f"{_SENTENCES}test_a_calcom_that_is_down_or_well_again_does_not_fail",
    ),
    _page(
        name="an-order-of-the-page-is-to-the-settings-cal-com",
        old="asked.by(who, breaker_actions.target_at(deps, _service(deps, asked)))",
        new="asked.by(who)",
        test=f"{_PAGE}test_an_order_to_another_calcom_is_for_its_breaker_alone",
    ),
    _page(
        name="the-page-shows-the-settings-breaker-before-an-order-elsewhere",
        old="preview.of_breaker_action(deps.at_service(_service(deps, asked).name), asked.action)",
        new="preview.of_breaker_action(deps, asked.action)",
        test=f"{_PAGE}test_an_order_to_another_calcom_is_for_its_breaker_alone",
    ),
    _seen(
        name="a-booking-is-retried-at-a-cal-com-that-is-named",
        file="worker/page/asked.py",
        old="        if self.service is not None and self.action not in BREAKER_ACTIONS:",
        new="        if False:",
        test=f"{_PAGE}test_what_is_not_understood_is_refused_with_a_sentence",
    ),
    _seen(
        name="a-preview-counts-what-all-cal-coms-hold",
        file="tasks/operations/preview.py",
        old="        if others:\n",
        new="        if others is None:\n",
        test="tests/integration/accounts/test_seen_elsewhere.py::test_a_preview_counts_what_the_order_is_about",
    ),
    _seen(
        name="all-charts-are-the-settings",
        file="worker/page/charts.py",
        old="asked_service(deps.services, host, conn).name",
        new="deps.breaker.service",
        test="tests/integration/accounts/test_seen_elsewhere.py"
        "::test_the_charts_of_another_calcom_have_its_breaker_and_its_calls",
    ),
    _seen(
        name="each-report-has-the-settings-breaker",
        file="worker/cli/report/report.py",
        old="read_calcom(conn, [at.name], at.name,",
        new="read_calcom(conn, [at.name], deps.breaker.service,",
        test="tests/integration/cli/accounts/test_cli_services.py"
        "::test_the_report_of_another_calcom_has_its_breaker_and_its_calls",
    ),
    _seen(
        name="a-line-elsewhere-is-a-drain-of-ours",
        file="tasks/overview/ranking/causes.py",
        old="CommonCause.SERVICE, service=overview.service.name)",
        new="CommonCause.SERVICE)",
        test="tests/unit/overview/test_causes.py::test_a_drain_counts_what_our_own_calcom_held",
    ),
)
