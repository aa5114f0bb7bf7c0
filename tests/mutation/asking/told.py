"""What a caller is told of its bookings and changes, made untrue, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_ANSWERS = "tests/integration/api/test_api_answers.py::"
_CHANGES = "tests/integration/api/test_api_changes.py::"
_WAITS = "tests/integration/api/test_api_waits.py::"
_TOOLS = "tests/integration/api/voice/test_voice_tools.py::"
_VOICE = "tests/integration/api/voice/test_voice_changes.py::"
_REFUSED = "tests/integration/changes/test_refused_changes.py::test_what_cannot_be_done_is_told_in_its_own_sentence"
_SAID = "tests/promises/asking/test_said.py::"
_bookings = partial(Breakage, promise=6, file="worker/api/bookings.py")
_views = partial(Breakage, promise=6, file="tasks/callers/views.py")
_changing = partial(Breakage, file="tasks/conversations/changing.py")
_booking = partial(Breakage, promise=2, file="tasks/conversations/booking.py")
_seen = partial(Breakage, promise=6, file="db/appointments/views.py")
_of_caller = partial(Breakage, promise=6, file="tasks/changes/ask/by_caller.py")
_over_http = partial(Breakage, promise=6, test=f"{_SAID}test_what_is_said_over_http_and_by_callbacks_is_so")

TOLD = (
    _of_caller(
        name="a-seat-that-cal-com-lost-is-told-as-moved",
        old="        if not self._is_booked_again or ",
        new="        if True or ",
        test="tests/unit/api/test_lost_seat_status.py::test_it_is_done_when_the_booking_is_there_again",
    ),
    _views(
        name="a-repeat-does-not-know-why-it-was-rejected",
        old="replace(told, error_type=row.error_type, uid=row.uid)",
        new="replace(told, uid=row.uid)",
        test=f"{_ANSWERS}test_a_repeat_of_what_is_over_is_answered_as_its_booking",
    ),
    Breakage(
        name="half-of-a-surrogate-pair-is-answered",
        promise=1,
        file="worker/api/voice/vapi.py",
        old="and str(number).isprintable():",
        new="and number:",
        test="tests/integration/api/voice/test_voice_hostile.py::"
        "test_a_tool_calls_id_that_cannot_be_written_is_passed_over",
    ),
    _booking(
        name="one-more-booking-is-one-more-each-time",
        old="        if known.status is Status.CANCELLED and name is not None:\n",
        new="        if known.status not in WANTED and name is not None:\n",
        test=f"{_TOOLS}test_a_repeat_of_one_more_booking_is_the_same_request[vapi]",
    ),
    Breakage(
        name="a-group-asks-a-silent-postgres-for-each",
        promise=4,
        file="worker/api/concurrency/arrived.py",
        old="            return problems | dict.fromkeys(keys.keys() - problems.keys(), silent)\n",
        new="            problems[key] = silent\n",
        test="tests/unit/api/test_keeping.py::test_a_silent_postgres_is_asked_once_for_a_group",
    ),
    _views(
        name="what-was-stored-is-told-as-not-stored",
        old="        return list(told)\n",
        new="        return []\n",
        test="tests/unit/tasks/test_views_with_ends.py::test_what_is_stored_is_never_told_as_not_stored",
    ),
    _changing(
        name="an-earlier-move-is-told-for-another-booking",
        promise=6,
        old="    if view is None and start is not None:\n",
        new="    if view is None:\n",
        test=f"{_VOICE}test_a_move_of_one_of_two_bookings_is_not_taken_for_an_earlier_one",
    ),
    Breakage(
        name="a-callback-does-not-say-that-a-start-is-taken",
        promise=6,
        file="tasks/callbacks/sentences.py",
        old='        is_taken, of_weeks = callback.about["error_type"] == ErrorType.TAKEN,',
        new='        is_taken, of_weeks = callback.about["error_type"] == ErrorType.LIMIT,',
        test="tests/integration/callbacks/test_callbacks_of_changes.py::test_a_move_whose_start_is_taken_is_told_so",
    ),
    _bookings(
        name="told-as-booked-beside-its-cancel",
        old='document(newest.view, key, again=again, asked=asked), "change"',
        new='document(view, key, again=again, asked=asked), "change"',
        test=f"{_CHANGES}test_a_booking_is_not_told_as_it_was_before_its_change_ended",
    ),
    _bookings(
        name="a-batch-does-not-tell-what-waits",
        old='return {"status": 200, "booking": next(known)}',
        new='return {"status": 200, "booking": document(BookingView.of(one, request, key.id), key, again=True)}',
        test=f"{_CHANGES}test_a_repeat_of_the_first_request_is_told_what_waits",
    ),
    _bookings(
        name="a-repeat-is-told-as-not-stored",
        old="        newest = by_caller.latest_of(told)\n    except AppointmentDatabaseException:\n",
        new="        newest = by_caller.latest_of(told)\n    except KeyError:\n",
        test="tests/integration/api/test_api_hurt.py::test_a_repeat_is_never_answered_as_not_stored",
    ),
    _of_caller(
        name="a-wish-that-met-a-lock-is-told-as-perhaps-stored",
        old="        with database_errors():\n            booking =",
        new="        if conn:\n            booking =",
        test=f"{_CHANGES}test_a_wish_for_a_booking_that_somebody_has_locked_was_not_stored",
    ),
    Breakage(
        name="a-booking-is-moved-into-a-second",
        promise=6,
        file="tasks/changes/ask/change.py",
        old="    if start.microsecond:\n",
        new="    if start.year < 2000:\n",
        test=f"{_REFUSED}[Python]",
    ),
    Breakage(
        name="a-caller-does-not-hear-of-their-other-request",
        promise=6,
        file="worker/api/voice/tools.py",
        old="        AskOutcome.TAKEN_BY_OWN: Asked.OWN,\n",
        new="",
        test=f"{_REFUSED}[voice]",
    ),
    Breakage(
        name="a-page-sends-a-time-without-offset",
        promise=6,
        file="worker/page/asked.py",
        old="    start: Annotated[datetime, BeforeValidator(instant)] | None = None",
        new="    start: datetime | None = None",
        test=f"{_REFUSED}[page]",
    ),
    Breakage(
        name="who-waits-for-the-limit-is-told-that-it-is-held",
        promise=6,
        file="db/lifecycle.py",
        old="SHORT_HOLDS = frozenset({HoldReason.THROTTLED})",
        new="SHORT_HOLDS = frozenset[HoldReason]()",
        test=f"{_WAITS}test_who_waits_for_the_rate_limit_hears_of_the_booking[itself]",
    ),
    _seen(
        name="who-is-in-line-for-the-limit-is-not-waited-for",
        old="return self.waits_for or self.hold_reason",
        new="return self.hold_reason",
        test=f"{_WAITS}test_who_waits_for_the_rate_limit_hears_of_the_booking[in line]",
    ),
    Breakage(
        name="our-own-limit-is-told-as-an-outage",
        promise=6,
        file="tasks/callers/sentences.py",
        old="HoldReason.THROTTLED: Said.BUSY,",
        new="HoldReason.THROTTLED: Said.OUTAGE,",
        test=f"{_WAITS}test_who_comes_behind_the_limit_is_waited_for_and_not_told_of_an_outage",
    ),
    _of_caller(
        name="a-change-in-line-for-the-limit-is-not-waited-for",
        old="self.change.waits_for in SHORT_HOLDS",
        new="self.change.hold_reason in SHORT_HOLDS",
        test=f"{_WAITS}test_a_change_in_line_for_the_rate_limit_is_waited_for",
    ),
    _changing(
        name="a-repeated-move-is-asked-about",
        promise=2,
        old="replace(newest, again=True)) if is_so else None",
        new="replace(newest, again=True)) if is_so and newest.again else None",
        test=f"{_VOICE}test_a_move_that_is_done_is_known_when_it_is_repeated[vapi]",
    ),
    _changing(
        name="another-move-is-told-as-done",
        promise=6,
        old="start=wanted))",
        new="start=None))",
        test=f"{_VOICE}test_a_move_that_is_done_is_known_when_it_is_repeated[retell]",
    ),
    _booking(
        name="who-has-cancelled-is-told-so-for-ever",
        old="            if another:\n",
        new="            if another and not conversation.keys:\n",
        test=f"{_TOOLS}test_who_has_cancelled_in_this_call_is_asked_before_it_is_booked_again[retell]",
    ),
    _seen(
        name="a-booking-that-was-moved-is-told-where-it-was",
        test=f"{_SAID}test_what_is_said_over_http_and_by_callbacks_is_so",
        old="start=booked_start or start,",
        new="start=start,",
    ),
    _over_http(
        name="a-change-that-is-noted-is-told-as-done",
        file="worker/api/changes.py",
        old='"status": found.status,',
        new='"status": ChangeStatus.DONE,',
    ),
    _over_http(
        name="a-callback-tells-where-a-booking-was",
        file="db/migrations/initial/callbacks.sql",
        old="timezone('UTC', coalesce(booking.booked_start_at, booking.start_at))",
        new="timezone('UTC', booking.start_at)",
    ),
    Breakage(
        name="what-is-noted-is-heard-as-done",
        promise=6,
        file="tasks/changes/ask/spoken.py",
        old="return _C.CANCEL_NOTED if change.wanted is None else _C.MOVE_NOTED",
        new="return _C.CANCELLED if change.wanted is None else _C.MOVED",
        test=f"{_SAID}test_what_is_said_on_the_telephone_is_so",
    ),
)
