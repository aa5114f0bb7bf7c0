"""What keeps requests apart that are stored together, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_TOGETHER = "tests/integration/api/test_stored_together.py::"
_groups = partial(Breakage, file="worker/api/concurrency/groups.py")
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
)
