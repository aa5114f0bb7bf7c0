"""Guards of the cancel of some weeks of a series, each taken away; its rules are in tests/mutation/changes.py."""

from functools import partial

from tests.mutation.breakage import Breakage

_ROWS = "tests/integration/changes/test_weeks_asked.py::"
_THERE = "tests/promises/changes/test_weeks_cancelled.py::"
_HTTP = "tests/integration/api/test_api_weeks.py::"
_COMMAND = "tests/integration/cli/changes/test_cli_weeks.py::"
_TOLD = (
    "tests/integration/callbacks/test_callbacks_of_changes.py::"
    "test_the_callback_of_a_cancel_says_whether_some_weeks_were_meant[one]"
)
_EACH = f"{_ROWS}test_each_week_is_a_change_of_its_own_and_all_of_them_are_one"
_migration = partial(Breakage, promise=2, file="db/migrations/versions/from_0017/0017_weeks.py")
_asked = partial(Breakage, promise=1, file="tasks/changes/ask/store.py")
_attempt = partial(Breakage, promise=2, file="tasks/changes/attempt.py")
_looks = partial(Breakage, promise=2, file="tasks/changes/lookup.py")
_ending = partial(Breakage, promise=2, file="tasks/changes/ending.py")

WEEKS = (
    _migration(
        name="workers-of-before-cancel-the-series",
        old="scope IS NULL OR status <> 'changing' OR substr",
        new="true OR status <> 'changing' OR substr",
        test=f"{_ROWS}test_a_worker_of_before_cannot_claim_the_cancel_of_a_week",
    ),
    Breakage(
        name="nobody-claims-the-cancel-of-a-week",
        promise=1,
        file="db/sql/change_claim.sql",
        old="PLACING '8' FROM 15",
        new="PLACING '4' FROM 15",
        test=f"{_THERE}test_a_booking_whose_first_week_is_cancelled_begins_with_the_next",
    ),
    _migration(
        name="a-cancel-of-a-week-keeps-the-booking-cancelled",
        old="\"AND kind = 'cancel' AND scope IS NULL AND\"",
        new="\"AND kind = 'cancel' AND\"",
        test=f"{_ROWS}test_what_is_asked_for_again_takes_back_no_week",
    ),
    _migration(
        name="back-again-with-open-cancels-of-weeks",
        old="if op.get_bind().execute(sa.text(_OPEN)).scalar():",
        new="if False:",
        test=f"{_ROWS}test_nobody_goes_back_while_weeks_are_to_be_cancelled",
    ),
    _migration(
        name="a-callback-that-hides-which-weeks",
        old="'scope', NEW.scope)",
        new="'scope', NULL)",
        test=_TOLD,
    ),
    _ending(
        name="one-week-ends-the-booking",
        old="    return stays is not None\n",
        new="    return False\n",
        test=f"{_THERE}test_one_week_is_cancelled_by_three_calls_and_the_rest_stands",
    ),
    _ending(
        name="the-last-week-ends-no-booking",
        old="    return stays is not None\n",
        new="    return True\n",
        test=f"{_COMMAND}test_an_operators_word_about_a_week_is_held_beside_that_week[all are]",
    ),
    _ending(
        name="a-booking-begins-with-a-cancelled-week",
        old="own is not None and own.cancelled:",
        new="own is not None and False:",
        test=f"{_THERE}test_a_booking_whose_first_week_is_cancelled_begins_with_the_next",
    ),
    _looks(
        name="a-lost-answer-cancels-another-week",
        old="part, named = change.part, change.weeks_named",
        new="part, named = change.part, []",
        test=f"{_THERE}test_a_lost_answer_cancels_no_other_week[one-commit_then_reset]",
    ),
    _attempt(
        name="a-dead-worker-forgets-which-week",
        old="before = None if change.part is None else weeks",
        new="before = None",
        test=f"{_THERE}test_a_worker_that_dies_over_a_week_cancels_no_other",
    ),
    _looks(
        name="an-operators-word-about-any-week",
        old="part, named = change.part, change.weeks_named",
        new="part, named = None, change.weeks_named",
        test=f"{_COMMAND}test_an_operators_word_about_a_week_is_held_beside_that_week[it is]",
    ),
    _asked(
        name="a-cancel-of-all-is-that-of-a-week",
        old="(opened[-1].wanted, opened[-1].part) == (ask.start, None)",
        new="opened[-1].wanted == ask.start",
        test=_EACH,
    ),
    _asked(
        name="the-same-week-is-asked-for-twice",
        old="if one.part == part), None)",
        new="if False), None)",
        test=_EACH,
    ),
    _asked(
        name="a-week-beside-the-cancel-of-all",
        old="if any(change.ends_booking for change in moment.opened):",
        new="if False:",
        test=_EACH,
    ),
    _asked(
        name="a-key-of-another-week",
        old="(change.wanted, change.part) != (ask.start, ask.part)",
        new="change.wanted != ask.start",
        test=f"{_ROWS}test_a_key_stands_for_its_weeks",
    ),
    _asked(
        name="a-week-that-has-begun-is-asked-for",
        old="return AskOutcome.WEEK_BEGUN if part.week <= moment.now else None",
        new="return None",
        test=f"{_HTTP}test_what_does_not_fit_is_422[body5-week]",
    ),
    _asked(
        name="weeks-of-what-is-no-series",
        old="if row.series_uid is None:\n        return AskOutcome.NO_SERIES",
        new="if False:\n        return AskOutcome.NO_SERIES",
        test=f"{_HTTP}test_weeks_of_what_has_none_are_refused",
    ),
    Breakage(
        name="a-revoked-week-takes-back-the-cancel-of-all",
        promise=1,
        file="db/migrations/versions/from_0017/0019_moves_wait.py",
        old="coalesce(bool_or(kind = 'cancel' AND scope IS NULL), false) AS is_cancelled,",
        new="false AS is_cancelled,",
        test=f"{_ROWS}test_flowers_revoke_of_a_week_leaves_the_cancel_of_all",
    ),
    Breakage(
        name="weeks-cancelled-on-wish-are-missing",
        promise=6,
        file="tasks/maintenance/weeks_of_series.py",
        old="len(alive) + _cancelled_on_wish",
        new="len(alive) + 0 * _cancelled_on_wish",
        test=f"{_ROWS}test_weeks_that_were_cancelled_on_wish_are_no_cut_series",
    ),
    Breakage(
        name="a-commanded-week-is-all-of-them",
        promise=2,
        file="tasks/operations/booking_actions.py",
        old='given["part"] = SeriesPart.of',
        new='given["part"] = None and SeriesPart.of',
        test=f"{_COMMAND}test_weeks_are_cancelled_by_the_command[one-]",
    ),
    Breakage(
        name="a-week-over-http-is-all-of-them",
        promise=2,
        file="worker/api/changes.py",
        old="replace(super().ask(key), part=SeriesPart.of(self.scope, self.week))",
        new="super().ask(key)",
        test=f"{_HTTP}test_a_key_stands_for_its_week",
    ),
    Breakage(
        name="a-cancelled-week-is-told-as-the-booking",
        promise=4,
        file="tasks/changes/ask/spoken.py",
        old="if change.part is not None and change.status is ChangeStatus.DONE:",
        new="if False:",
        test=f"{_HTTP}test_weeks_are_cancelled_and_told[one]",
    ),
    Breakage(
        name="its-cancel-is-done-of-a-booking-that-stands",
        promise=4,
        file="client/booking_client/receipts.py",
        old='what=_weeks(datetime.fromisoformat(week), row["scope"]) if week else None,',
        new="what=None,",
        test=f"{_COMMAND}test_weeks_are_cancelled_by_the_command[one-]",
    ),
)
