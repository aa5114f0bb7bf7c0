"""What keeps requests apart that are stored together, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_TOGETHER = "tests/integration/api/test_stored_together.py::"
_groups = partial(Breakage, file="worker/api/concurrency/groups.py")
_ENDS = "tests/integration/ends/test_ends.py::"
_LANES = "tests/unit/lanes/test_lane_pool.py::"
_ends = partial(Breakage, promise=1, file="tasks/work/ends.py")
_lanes = partial(Breakage, promise=1, file="tasks/host/lane_pool.py")
_confirmations = partial(Breakage, promise=1, file="db/appointments/there/confirmations.py")
_moves = partial(Breakage, file="db/appointments/moves.py")
_together = partial(Breakage, promise=1, file="tasks/enqueue.py")

TOGETHER = (
    _groups(
        name="an-answer-of-a-group-is-anothers",
        promise=1,
        old="zip(group, answers, strict=True)",
        new="zip(group, answers[::-1], strict=True)",
        test=f"{_TOGETHER}test_many_at_once_are_few_transactions_and_each_has_its_own_answer",
    ),
    _groups(
        name="a-group-is-of-its-first-asker",
        promise=6,
        old=", context=Context())",
        new=")",
        test="tests/unit/api/test_groups.py::test_a_group_belongs_to_no_asker",
    ),
    Breakage(
        name="who-sees-all-sees-another-accounts",
        promise=7,
        file="db/appointments/views.py",
        old="by_ids(conn, some, of_key=None, account=account)",
        new="by_ids(conn, some, of_key=None, account=None)",
        test=f"{_TOGETHER}test_bookings_are_read_together_and_each_key_sees_its_own",
    ),
    Breakage(
        name="a-group-passes-a-rate",
        promise=3,
        file="worker/api/concurrency/arrived.py",
        old="if seen[key.id] <= may_go:",
        new="if may_go:",
        test=f"{_TOGETHER}test_a_rate_counts_each_of_those_that_come_together",
    ),
    Breakage(
        name="a-lock-leaves-the-answer-open",
        promise=1,
        file="worker/api/serve.py",
        old="lock_timeout_ms=app.LOCK_TIMEOUT_MS",
        new="lock_timeout_ms=3_000",
        test="tests/integration/api/test_api_changes.py::test_a_wish_for_a_booking_that_somebody_has_locked_was_not_stored",
    ),
    _together(
        name="a-lock-of-one-is-the-trouble-of-its-group",
        old='frozenset({"40P01", "40001", "55P03"})',
        new="frozenset[str]()",
        test=f"{_TOGETHER}test_what_one_cannot_have_is_no_others_trouble[a locked key]",
    ),
    _together(
        name="a-closed-account-is-the-trouble-of-its-group",
        old="    except CustomerValidationException:\n        return [None] * len(asked)\n",
        new="    except CustomerValidationException:\n        raise\n",
        test=f"{_TOGETHER}test_what_one_cannot_have_is_no_others_trouble[a closed account]",
    ),
    _together(
        name="those-who-come-together-stand-behind-each-other",
        promise=4,
        old="NewAppointment.of(request, 0, api_key_id=key) for request, key in asked",
        new="NewAppointment.of(request, n, api_key_id=key) for n, (request, key) in enumerate(asked)",
        test=f"{_TOGETHER}test_each_of_a_group_is_answered_as_if_it_came_alone",
    ),
    _together(
        name="what-was-cancelled-is-told-as-booked-in-a-group",
        old="return None if isinstance(known, Receipt) and known.as_of is not None else known",
        new="return known",
        test=f"{_TOGETHER}test_a_confirmed_booking_is_asked_for_alone",
    ),
    # -- claims and ends that are written together
    _moves(
        name="a-group-waits-for-a-locked-row",
        promise=1,
        old=" FOR NO KEY UPDATE SKIP LOCKED)",
        new=" FOR NO KEY UPDATE)",
        test="tests/integration/ends/test_db_claims_together.py::test_one_that_is_locked_is_passed_over",
    ),
    _moves(
        name="a-group-asks-as-if-all-were-let-go",
        promise=5,
        old='"early_seconds": EARLY, "released": False}',
        new='"early_seconds": EARLY, "released": True}',
        test="tests/integration/ends/test_db_claims_together.py::test_each_hears_of_those_before_it_in_line",
    ),
    Breakage(
        name="what-failed-together-is-claimed-by-nobody",
        promise=1,
        file="tasks/work/claim.py",
        old="    if got is None:\n        with deps.autocommit.connect() as conn:\n",
        new="    if got is None and released:\n        with deps.autocommit.connect() as conn:\n",
        test="tests/integration/ends/test_claims.py::test_what_fails_together_is_claimed_by_each_alone",
    ),
    Breakage(
        name="a-groups-error-is-nobodys",
        promise=1,
        file="tasks/together.py",
        old="                member.error = error\n",
        new="                member.error = None\n",
        test="tests/unit/lanes/test_together.py::test_an_error_is_everybodys_of_the_group_and_nobody_elses",
    ),
    _ends(
        name="an-end-waits-in-its-lane",
        old="    lane.leave()\n",
        new="",
        test=f"{_ENDS}test_an_end_is_written_out_of_its_lane",
    ),
    _ends(
        name="what-failed-together-counts-as-written",
        old="        return [False] * len(endings)\n",
        new="        return [True] * len(endings)\n",
        test=f"{_ENDS}test_one_that_a_constraint_refuses_is_nobody_elses",
    ),
    _ends(
        name="what-one-cannot-write-is-the-trouble-of-its-group",
        old="    except Exception as error:  # noqa: BLE001 - whatever one of them has made is no other one's\n",
        new="    except ArithmeticError as error:\n",
        test=f"{_ENDS}test_one_that_cannot_be_written_is_nobody_elses",
    ),
    _ends(
        name="a-lost-lease-counts-as-written",
        old="return move if claim.deps.ends.ask(Ending(claim, move), _write_together) else",
        new="return move if claim.deps.ends.ask(Ending(claim, move), _write_together) is not None else",
        test=f"{_ENDS}test_one_lease_that_is_lost_is_nobody_elses",
    ),
    _ends(
        name="a-booking-of-the-line-waits-for-others",
        old="not (claim.released or ",
        new="not (",
        test=f"{_ENDS}test_a_booking_of_the_line_is_written_by_itself_in_its_lane",
    ),
    _confirmations(
        name="a-locked-row-holds-a-group-up",
        old='sql.replace("/* unlocked */", _UNLOCKED)',
        new="sql",
        test="tests/integration/ends/test_db_confirmations.py::test_a_row_that_is_locked_is_passed_over[alone]",
    ),
    _confirmations(
        name="what-was-sent-before-an-error-is-committed",
        old="                conn.invalidate()  # the pipeline's end would commit what was sent before\n",
        new="",
        test="tests/integration/ends/test_db_confirmations.py::test_where_one_cannot_be_sent_none_has_moved",
    ),
    _lanes(
        name="a-lane-is-given-back-twice",
        old="            if lane.give_back():\n",
        new="            if lane.give_back() or True:\n",
        test=f"{_LANES}test_a_lane_that_was_left_is_not_given_back_twice",
    ),
    _lanes(
        name="rabbitmq-forgets-what-has-not-ended",
        old="None if self._keeps_messages else getattr",
        new="getattr",
        test=f"{_LANES}test_rabbitmq_keeps_the_message_of_a_task_that_left_its_lane",
    ),
)
