"""What keeps an operator's action one action, recorded, and for what he saw, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_BOOKINGS = "tests/integration/operations/test_booking_actions.py::"
_BREAKER = "tests/integration/operations/test_breaker_actions.py::"
_CALLS = "tests/integration/operations/test_calls.py::"
_REVOKED = "tests/integration/operations/test_revoke_recorded.py::"
_PAGE = "tests/integration/page/test_page_actions.py::"
_PUBLISH = "tests/unit/deploy/test_publish.py::"
_RELEASE = "tests/unit/deploy/test_release.py::"
_TOLD = "tests/integration/changes/test_refused_changes.py::test_what_cannot_be_done_is_told_in_its_own_sentence"
_REFUSED = f"{_PAGE}test_the_server_refuses_whoever_may_not"
_breaker_actions = partial(Breakage, promise=6, file="tasks/operations/breaker_actions.py")
_booking_actions = partial(Breakage, promise=6, file="tasks/operations/booking_actions.py")
_retry = partial(Breakage, file="tasks/operations/retry.py")
_calls = partial(Breakage, promise=6, file="tasks/operations/calls.py")
_release = partial(Breakage, promise=6, file="deploy/release.py")
_publish = partial(Breakage, promise=6, file="deploy/publish.py")
_workflow = partial(Breakage, promise=6, file=".github/workflows/release.yml")
_WORKFLOWS = "tests/unit/deploy/test_workflows.py::"
_base = partial(Breakage, promise=6, file="worker/page/base.py")

OPERATIONS = (
    _workflow(
        name="an-action-that-others-can-move",
        old="a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32 # v4.1.0",
        new="v4",
        test=f"{_WORKFLOWS}test_each_action_is_a_commit_and_says_which_version[release.yml]",
    ),
    _workflow(
        name="a-release-is-made-of-what-has-not-passed",
        old="    needs: ci\n",
        new="",
        test=f"{_WORKFLOWS}test_what_lands_and_what_is_released_has_passed_all",
    ),
    _workflow(
        name="each-step-has-the-login-of-the-index",
        old="    environment: release\n",
        new="    environment: release\n    env:\n      TWINE_PASSWORD: ${{ secrets.INDEX_PASSWORD }}\n",
        test=f"{_WORKFLOWS}test_only_who_signs_may_sign_and_only_who_sends_has_the_login[release.yml]",
    ),
    _breaker_actions(
        name="double-click-acts-twice",
        old="        if action.done_at is None:\n",
        new="        if True:\n",
        test=f"{_BREAKER}test_what_is_pressed_again_later_is_not_given_again[by who has not]",
    ),
    Breakage(
        name="double-click-counts-twice",
        promise=6,
        file="db/sql/count_action.sql",
        old="WHERE id = :id AND done + moved_on = :position AND done_at IS NULL",
        new="WHERE id = :id AND :position >= 0 AND done_at IS NULL",
        test=f"{_BOOKINGS}test_presses_at_once_share_the_work_and_do_none_twice",
    ),
    _booking_actions(
        name="killed-action-begins-anew",
        old="range(action.counted, len(action.ids or ()))",
        new="range(len(action.ids or ()))",
        test=f"{_BOOKINGS}test_an_action_that_was_killed_half_way_goes_on_where_it_was",
    ),
    _booking_actions(
        name="one-request-two-actions",
        old="if action is None or _content(action) != _content(asked):",
        new="if action is None:",
        test=f"{_BOOKINGS}test_a_request_id_that_stands_for_something_else_does_nothing",
    ),
    _breaker_actions(
        name="stale-page-acts",
        old="if seen.shared and epoch(seen, mode) != action.epoch_seen:",
        new="if False:",
        test=f"{_BREAKER}test_an_action_for_what_is_over_is_refused[open]",
    ),
    _breaker_actions(
        name="obeyed-and-refused-when-sent-again",
        old="        return BreakerActionOutcome.OBEYED, None\n    if seen.shared",
        new="        pass\n    if seen.shared",
        test=f"{_BREAKER}test_an_action_that_was_obeyed_is_done_also_where_its_end_was_not_recorded[reset]",
    ),
    _breaker_actions(
        name="another-order-taken-for-this-one",
        old="seen.breaker.epoch in epochs if action.action in {OPEN, OFF} else bool(epochs)",
        new="bool(epochs)",
        test=f"{_BREAKER}test_what_somebody_has_ordered_since_is_not_taken_for_what_was_asked[another end]",
    ),
    _breaker_actions(
        name="order-known-by-who-gave-it",
        old="if one.action == action.id}",
        new="if one.by == action.who}",
        test="tests/integration/test_reworded.py::test_an_action_knows_its_own_change_by_its_number[reset]",
    ),
    _retry(
        name="stale-page-retries-what-goes-by-itself",
        promise=6,
        old="if ask.via is Via.PAGE and row.hold_reason in GO_BY_THEMSELVES:",
        new="if False:",
        test=f"{_BOOKINGS}test_a_page_leaves_alone_what_goes_by_itself_by_now",
    ),
    _breaker_actions(
        name="order-refused-for-good-while-redis-was-gone",
        old="ended = outcome is not BreakerActionOutcome.UNAVAILABLE",
        new="ended = True",
        test=f"{_PAGE}test_without_redis_orders_are_kept_and_the_others_refused",
    ),
    Breakage(
        name="looked-for-another-call",
        file="tasks/changes/ask/ask.py",
        promise=1,
        old="ask.seen != version(row)",
        new="False",
        test=f"{_BOOKINGS}test_not_booked_is_said_of_the_call_that_was_looked_for",
    ),
    _booking_actions(
        name="list-cancels-what-is-booked",
        old="via is Via.PAGE and len(action.ids or ()) > 1",
        new="False",
        test=f"{_PAGE}test_what_has_moved_on_since_the_preview_is_left_and_counted",
    ),
    _booking_actions(
        name="refused-move-is-called-done",
        old="refused=refused",
        new="refused=None",
        test=f"{_TOLD}[page]",
    ),
    Breakage(
        name="what-is-over-is-offered",
        promise=6,
        file="tasks/operations/preview.py",
        old="if row.status is Status.CONFIRMED and asking.is_over(",
        new="if False and row.is_over(",
        test=f"{_TOLD}[page]",
    ),
    Breakage(
        name="decided-on-a-row-that-moves",
        promise=1,
        file="db/appointments/__init__.py",
        old="query.with_for_update(key_share=True) if lock else query",
        new="query",
        test=f"{_BOOKINGS}test_what_a_command_decides_on_stays_until_it_is_done[cancel]",
    ),
    Breakage(
        name="shown-without-a-record",
        promise=6,
        file="worker/page/actions.py",
        old='        operator_actions.record(conn, looks, "shown")\n',
        new="",
        test=f"{_PAGE}test_whose_booking_it_is_is_shown_once_that_is_recorded",
    ),
    Breakage(
        name="revoked-without-a-record",
        promise=6,
        file="tasks/changes/ask/change.py",
        old="if via is Via.FLOWER and result.done and not result.repeated:",
        new="if False:",
        test=f"{_REVOKED}test_what_flower_revokes_is_recorded_once",
    ),
    _base(
        name="bare-post-accepted",
        old="        RequestHandler.check_xsrf_cookie(self)\n",
        new="",
        test=f"{_REFUSED}[a bare POST]",
    ),
    _base(
        name="other-sites-accepted",
        old="        self._refuse_other_sites()\n",
        new="",
        test=f"{_REFUSED}[another origin]",
    ),
    _base(
        name="read-only-flower-acts",
        old="if self.application.options.read_only:",
        new="if False:",
        test=f"{_REFUSED}[read-only]",
    ),
    _base(
        name="nobody-knows-who-acts",
        old="if not self._is_at_home():",
        new="if False:",
        test=f"{_REFUSED}[for everybody]",
    ),
    Breakage(
        name="many-without-their-number",
        promise=6,
        file="worker/page/asked.py",
        old="if expected is not None and self.typed != expected:",
        new="if False:",
        test=f"{_PAGE}test_what_is_not_understood_is_refused_with_a_sentence",
    ),
    _calls(
        name="called-by-two",
        old="appointments.get(conn, booking_id, lock=True) is None",
        new="appointments.get(conn, booking_id) is None",
        test=f"{_CALLS}test_of_two_operators_who_press_at_once_one_has_the_call",
    ),
    _calls(
        name="look-that-never-ends",
        old="if action.who != asked.who or appointments.now(conn) - action.asked_at > SHOWN:",
        new="if action.who != asked.who:",
        test=f"{_CALLS}test_a_look_is_no_key_for_later_or_for_another_operator",
    ),
    _calls(
        name="look-of-another-operator",
        old="if action.who != asked.who or appointments.now(conn) - action.asked_at > SHOWN:",
        new="if appointments.now(conn) - action.asked_at > SHOWN:",
        test=f"{_CALLS}test_a_look_is_no_key_for_later_or_for_another_operator",
    ),
    Breakage(
        name="mark-that-is-taken-back-stays",
        promise=6,
        file="db/monitoring/call_marks.py",
        old=" for row in rows if row.action == CALLED}",
        new=" for row in rows}",
        test=f"{_CALLS}test_a_mark_can_be_taken_back_and_set_again",
    ),
    Breakage(
        name="left-undone-and-not-said",
        promise=6,
        file="tasks/operations/answers.py",
        old='return " ".join(filter(None, (said, left_undone(action))))',
        new="return said",
        test=f"{_BOOKINGS}test_a_cancel_of_many_says_how_many_had_moved_on",
    ),
    _release(
        name="published-without-a-trial",
        old='    sums = checksums(folder)\n    try_release(folder)\n    (folder / SUMS).write_text(sums, "utf-8")',
        new='    (folder / SUMS).write_text(checksums(folder), "utf-8")\n    try_release(folder)',
        test=f"{_RELEASE}test_only_what_has_booked_gets_checksums[lost a booking]",
    ),
    Breakage(
        name="link-to-a-hidden-page",
        promise=6,
        file="deploy/pages.py",
        old='seen = re.sub(r"(^|/)\\.", r"\\1", name)',
        new="seen = name",
        test="tests/unit/deploy/test_pages.py::test_each_link_leads_to_something_of_the_site",
    ),
    _release(
        name="new-version-is-a-package",
        old='"sbom", "ARGS="]',
        new='"sbom"]',
        test=f"{_RELEASE}test_the_new_version_is_no_package_of_the_list",
    ),
    _release(
        name="image-released-untried",
        old='    for image in folder.glob("*.oci.tar"):',
        new='    for image in folder.glob("*.oci"):',
        test=f"{_RELEASE}test_an_image_is_tried_as_the_wheels_are[1]",
    ),
    _publish(
        name="published-changed",
        old="if checksums(folder) != sums:",
        new="if False:",
        test=f"{_PUBLISH}test_a_release_that_has_changed_is_refused[booking_worker-9.8.7-py3-none-any.whl]",
    ),
    _publish(
        name="published-in-half",
        old="if any(len(one) != 1 for one in found):",
        new="if False:",
        test=f"{_PUBLISH}test_each_kind_of_file_is_sent",
    ),
    _publish(
        name="published-nothing-and-all-is-well",
        old="if unknown := set(names or ()) - {one.name for one in files}:",
        new="if unknown := set():",
        test=f"{_PUBLISH}test_an_unknown_name_sends_nothing",
    ),
)
