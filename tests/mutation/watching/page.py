"""Guards of the Resilience page, each taken away: the test of what it promises must fail."""

from functools import partial

from tests.mutation.breakage import Breakage

_IN_FLOWER = "tests/integration/page/test_page_in_flower.py::"
_DATA = "tests/integration/page/test_page_data.py::"
_EXPORT = "tests/integration/page/test_page_export.py::"
_ACTIONS = "tests/integration/page/test_page_actions.py::"
_VIEWER = "tests/unit/page/test_page_viewer.py::"
_LOGS = "tests/unit/worker/test_logs.py::"
_GONE = "tests/integration/page/test_page_without_servers.py::"
_base = partial(Breakage, promise=6, file="worker/page/base.py")
_reading = partial(Breakage, promise=6, file="worker/page/reading.py")
_export = partial(Breakage, promise=6, file="worker/page/export.py")

PAGE = (
    _base(
        name="page-data-without-login",
        old='            raise HTTPError(401, "log in")\n',
        new="            return\n",
        test=f"{_IN_FLOWER}test_no_login_no_page",
    ),
    _base(
        name="lists-read-by-a-foreign-name",
        old="        if not _is_loopback(self.request.host_name):\n",
        new="        if False:\n",
        test=f"{_IN_FLOWER}test_without_a_login_no_other_name_of_this_machine_reads",
    ),
    _base(
        name="page-read-by-every-website",
        old="""        \"\"\"Set our headers; Flower's own may allow every website to read.\"\"\"\n""",
        new="        super().set_default_headers()\n",
        test=f"{_IN_FLOWER}test_our_answers_are_for_our_page_alone",
    ),
    _export(
        name="formulas-in-an-export",
        old='return f"\'{text}" if text.startswith(_FORMULA) else text',
        new="return text",
        test=f"{_EXPORT}test_no_cell_is_a_formula",
    ),
    _export(
        name="half-an-export-looks-whole",
        old='        self.set_header("Content-Length", str(file.tell()))\n',
        new="",
        test=f"{_EXPORT}test_a_long_export_is_bounded_and_its_length_is_known",
    ),
    _reading(
        name="a-reading-for-each-tab",
        old="self._readings.setdefault(key, Shared(",
        new="(lambda _, own: self._readings.update({key: own}) or own)(key, Shared(",
        test="tests/unit/page/test_page_shared.py::test_sixty_tabs_of_a_few_lists_cost_a_reading_each",
    ),
    Breakage(
        name="one-answer-of-several-moments",
        promise=6,
        file="db/snapshot.py",
        old='isolation_level="REPEATABLE READ"',
        new='isolation_level="READ COMMITTED"',
        test="tests/integration/database/test_db_engine.py::test_reads_that_belong_together_are_of_one_moment",
    ),
    Breakage(
        name="label-over-a-block",
        promise=6,
        file="worker/page/static/charts/band.js",
        old="blocks.every((block) => block === own ||",
        new="blocks.every((block) => block ||",
        test="tests/browser/overview/test_drawing.py::test_a_label_covers_no_block_and_no_other_label[300]",
    ),
    _base(
        name="pages-that-act-from-another-site",
        old="        if foreign or site not in",
        new="        if False and site not in",
        test="tests/browser/test_hostile.py::test_another_website_neither_acts_nor_reads",
    ),
    Breakage(
        name="holds-that-drown-the-calls",
        promise=6,
        file="tasks/story/sentences.py",
        old="if may_fold and holds >= FOLDED else run",
        new="if may_fold and holds > 999 else run",
        test="tests/unit/page/test_page_timeline.py::test_a_run_of_holds_is_one_entry_that_opens",
    ),
    Breakage(
        name="alert-without-its-address",
        promise=6,
        file="tasks/incidents/update.py",
        old="    text = _with_address(text, page_path(incident, detail))\n",
        new="",
        test="tests/integration/incidents/test_health.py"
        "::test_one_outage_is_one_incident_from_its_first_failure_to_its_end",
    ),
    Breakage(
        name="unchanged-page-sent-again",
        promise=6,
        file="worker/page/shared_overview.py",
        old=' if name != "read_at"}',
        new="}",
        test=f"{_DATA}test_what_is_unchanged_is_not_sent_again",
    ),
    Breakage(
        name="short-outage-hidden-in-a-long-chart",
        promise=6,
        file="db/sql/chart_minutes.sql",
        old="max(held) AS held",
        new="(array_agg(held ORDER BY minute DESC))[1] AS held",
        test="tests/integration/database/test_booking_minutes.py::test_a_step_shows_the_most_that_was_held_in_it",
    ),
    Breakage(
        name="charts-of-minutes-ago",
        promise=6,
        file="worker/page/charts.py",
        old="    behind: timedelta = timedelta(0)\n",
        new="    behind: timedelta = timedelta(minutes=1)\n",
        test="tests/integration/page/test_page_charts.py::test_the_newest_full_minute_is_shown_whatever_second_it_is[1h]",
    ),
    Breakage(
        name="orders-waited-for-without-end",
        promise=6,
        file="tasks/overview/reading.py",
        old="with deadline(patience):  # a Redis that has forgotten",
        new="with deadline(None):  # a Redis that has forgotten",
        test=f"{_GONE}test_postgres_frozen_when_redis_has_lost_the_breaker_is_said",
    ),
    _reading(
        name="viewer-takes-the-reading-along",
        old="await asyncio.shield(self._reading)",
        new="await self._reading",
        test="tests/unit/page/test_page_shared.py::test_a_viewer_who_leaves_takes_nothing_along",
    ),
    _base(
        name="behind-a-silent-proxy-all-may-act",
        old='request.version == "HTTP/1.0" or any(',
        new="any(",
        test=f"{_VIEWER}test_without_a_login_only_who_is_at_home_may_act[a silent proxy]",
    ),
    _base(
        name="behind-a-proxy-as-this-machine-all-may-act",
        old="if self._is_token(self.get_cookie(self._cookie)):",
        new="if True:",
        test=f"{_ACTIONS}test_without_a_login_only_who_has_opened_the_link_may_act",
    ),
    _base(
        name="any-token-acts",
        old="return secrets.compare_digest(given.encode(), token.get_secret_value().encode())",
        new="return bool(given) and token.get_secret_value().startswith(given)",
        test=f"{_ACTIONS}test_without_a_login_only_who_has_opened_the_link_may_act",
    ),
    _base(
        name="tokens-of-two-ports-in-one-cookie",
        old='return f"page_token_{self.application.options.port}"',
        new='return "page_token"',
        test=f"{_VIEWER}test_without_a_login_only_who_is_at_home_may_act[at home]",
    ),
    _base(
        name="scripts-read-the-token",
        old="httponly=True, ",
        new="",
        test=f"{_ACTIONS}test_without_a_login_only_who_has_opened_the_link_may_act",
    ),
    Breakage(
        name="token-in-flowers-log",
        promise=6,
        file="worker/logs.py",
        old="for one in (settings.calcom_api_key, settings.page_token) if one",
        new="for one in (settings.calcom_api_key,) if one",
        test=f"{_LOGS}test_secrets_and_personal_data_are_masked_wherever_they_stand",
    ),
    Breakage(
        name="customers-text-runs",
        promise=6,
        file="worker/page/static/core/dom.js",
        old="  element.append(...children.flat(Infinity).filter(",
        new="  element.innerHTML = String(children.flat(Infinity).filter(",
        test="tests/unit/house/test_house_page.py::test_text_stays_text[static/core/dom.js]",
    ),
)
