"""What keeps an operator's action one action, recorded, and for what he saw, taken away, one by one."""

from tests.mutation.breakage import Breakage

_BOOKINGS = "tests/integration/operations/test_booking_actions.py::"
_BREAKER = "tests/integration/operations/test_breaker_actions.py::"
_REVOKED = "tests/integration/operations/test_revoke_recorded.py::"
_PAGE = "tests/integration/page/test_page_actions.py::"
_REFUSED = f"{_PAGE}test_the_server_refuses_whoever_may_not"

OPERATIONS = (
    Breakage(
        name="double-click-orders-twice",
        promise=6,
        file="tasks/operations/breaker_actions.py",
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
    Breakage(
        name="killed-action-begins-anew",
        promise=6,
        file="tasks/operations/booking_actions.py",
        old="range(action.counted, len(action.ids or ()))",
        new="range(len(action.ids or ()))",
        test=f"{_BOOKINGS}test_an_action_that_was_killed_half_way_goes_on_where_it_was",
    ),
    Breakage(
        name="one-request-two-actions",
        promise=6,
        file="tasks/operations/booking_actions.py",
        old="if action is None or _content(action) != _content(asked):",
        new="if action is None:",
        test=f"{_BOOKINGS}test_a_request_id_that_stands_for_something_else_does_nothing",
    ),
    Breakage(
        name="stale-page-acts",
        promise=6,
        file="tasks/operations/breaker_actions.py",
        old="if seen.shared and epoch(seen, mode) != action.epoch_seen:",
        new="if False:",
        test=f"{_BREAKER}test_an_order_for_what_is_over_is_refused[open]",
    ),
    Breakage(
        name="stale-page-retries-what-goes-by-itself",
        promise=6,
        file="tasks/operations/booking_commands.py",
        old="if command.via is Via.PAGE and row.hold_reason in GO_BY_THEMSELVES:",
        new="if False:",
        test=f"{_BOOKINGS}test_a_page_leaves_alone_what_goes_by_itself_by_now",
    ),
    Breakage(
        name="order-refused-for-good-while-redis-was-gone",
        promise=6,
        file="tasks/operations/breaker_actions.py",
        old="ended = outcome is not OrderOutcome.UNAVAILABLE",
        new="ended = True",
        test=f"{_PAGE}test_without_redis_orders_are_kept_and_the_others_refused",
    ),
    Breakage(
        name="looked-for-another-call",
        promise=1,
        file="tasks/operations/booking_commands.py",
        old="command.seen != version(row)",
        new="False",
        test=f"{_BOOKINGS}test_not_booked_is_said_of_the_call_that_was_looked_for",
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
        file="tasks/operations/booking_commands.py",
        old="if via is Via.FLOWER and result.done and not result.repeated:",
        new="if False:",
        test=f"{_REVOKED}test_what_flower_revokes_is_recorded_once",
    ),
    Breakage(
        name="bare-post-accepted",
        promise=6,
        file="worker/page/base.py",
        old="        RequestHandler.check_xsrf_cookie(self)\n",
        new="",
        test=f"{_REFUSED}[a bare POST]",
    ),
    Breakage(
        name="other-sites-accepted",
        promise=6,
        file="worker/page/base.py",
        old="        self._refuse_other_sites()\n",
        new="",
        test=f"{_REFUSED}[another origin]",
    ),
    Breakage(
        name="read-only-flower-acts",
        promise=6,
        file="worker/page/base.py",
        old="if self.application.options.read_only:",
        new="if False:",
        test=f"{_REFUSED}[read-only]",
    ),
    Breakage(
        name="nobody-knows-who-acts",
        promise=6,
        file="worker/page/base.py",
        old="if self.has_login or self._is_at_home():",
        new="if True:",
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
)
