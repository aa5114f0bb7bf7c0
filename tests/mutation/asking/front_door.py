"""What the HTTP API keeps apart and bounds, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_OWN = "tests/integration/api/test_api_own_bookings.py::"
_ACCOUNTS = "tests/integration/api/test_api_accounts.py::"
_CHANGES = "tests/integration/api/test_api_changes.py::"
_KEYS = "tests/integration/api/test_api_keys.py::"
_HOSTILE = "tests/integration/api/test_api_hostile.py::"
_ANSWERS = "tests/integration/api/test_api_answers.py::"
_HURT = "tests/integration/api/test_api_hurt.py::"
_gate = partial(Breakage, promise=7, file="worker/api/gate.py")
_bookings = partial(Breakage, promise=1, file="worker/api/bookings.py")
_pages = partial(Breakage, promise=6, file="worker/api/pages.py")
_bodies = partial(Breakage, promise=1, file="worker/api/bodies.py")
_documented = partial(Breakage, promise=1, file="worker/api/documented.py")
_SHAPE = "tests/integration/api/doors/test_calcom_shape.py::"
_REFERENCES = "tests/integration/api/doors/test_references.py::"
_shape = partial(Breakage, promise=6, file="worker/api/calcom_shape/shape.py")
_in_shape = partial(Breakage, promise=6, file="worker/api/calcom_shape/resource.py")
_answers = partial(Breakage, file="worker/api/answers.py")
_views = partial(Breakage, promise=7, file="db/sql/views_by_id.sql")
_read = partial(Breakage, file="db/appointments/views.py")
_changes = partial(Breakage, file="tasks/changes/ask/by_caller.py")

FRONT_DOOR = (
    _read(
        name="a-key-reads-others-bookings",
        promise=7,
        old="of_key in {None, view.api_key_id}",
        new="True",
        test=f"{_OWN}test_a_key_sees_what_it_may[another key]",
    ),
    _changes(
        name="a-key-changes-others-bookings",
        promise=7,
        old="    of_key = key.id  #",
        new="    of_key = None  #",
        test=f"{_CHANGES}test_another_keys_booking_is_as_one_that_is_not_there",
    ),
    Breakage(
        file="worker/api/changes.py",
        name="the-key-of-a-change-is-forgotten",
        promise=2,
        old="reason=self.reason, key=key)",
        new="reason=self.reason)",
        test=f"{_CHANGES}test_the_same_key_is_the_same_change",
    ),
    Breakage(
        name="a-key-takes-anothers-idempotency-key",
        promise=2,
        file="client/booking_client/insertion.py",
        old='return key if api_key_id is None else f"api{api_key_id}:{key}"',
        new="return key",
        test=f"{_OWN}test_two_keys_with_the_same_request_have_two_bookings[None]",
    ),
    _answers(
        name="a-uid-leaves-with-each-booking",
        promise=7,
        old="if Scope.UID in key.scopes else shown",
        new='if shown["id"] else shown',
        test=f"{_OWN}test_a_uid_is_told_to_keys_of_its_scope_alone",
    ),
    _gate(
        name="a-revoked-key-goes-on",
        old="FRESH = 3.0",
        new="FRESH = 30.0",
        test=f"{_KEYS}test_a_revoked_key_is_refused_while_all_goes_on",
    ),
    _gate(
        name="a-revoked-key-goes-on-for-eight-seconds",
        old="FRESH = 3.0",
        new="FRESH = 8.0",
        test="tests/unit/api/test_api_bounds.py::test_a_revoked_key_is_refused_within_five_seconds",
    ),
    _gate(
        name="a-key-that-is-revoked-during-its-body-books",
        old="        if self._last_read.is_fresh:\n",
        new="        if self._last_read:\n",
        test=f"{_KEYS}test_a_key_that_is_revoked_while_its_body_comes_does_nothing[book]",
    ),
    _gate(
        name="a-guesser-is-not-stopped",
        old="WRONG_A_MINUTE = 20",
        new="WRONG_A_MINUTE = 20_000",
        test=f"{_KEYS}test_who_guesses_keys_is_stopped_and_who_has_one_is_not",
    ),
    _gate(
        name="what-is-refused-costs-no-call",
        old="            await self._threads.run(lambda: self._within_rate(int))\n",
        new="            pass\n",
        test=f"{_KEYS}test_what_is_refused_counts_as_a_call",
    ),
    _bodies(
        name="a-body-of-any-length-is-read",
        old="                if size > limit:\n",
        new="                if size > 1_000_000_000:\n",
        test=f"{_HOSTILE}test_a_body_of_100_mb_is_413_before_it_is_read[True]",
    ),
    _bodies(
        name="a-body-may-take-an-hour",
        old="SECONDS = 5.0",
        new="SECONDS = 3600.0",
        test=f"{_HOSTILE}test_a_body_that_stops_is_408",
    ),
    _bodies(
        name="each-part-of-a-body-has-five-seconds",
        old="        async with asyncio.timeout(SECONDS):\n            async for part in request.stream():\n",
        new="        async with asyncio.timeout(SECONDS) as bound:\n            async for part in request.stream():\n"
        "                bound.reschedule(asyncio.get_running_loop().time() + SECONDS)\n",
        test=f"{_HOSTILE}test_a_body_of_one_byte_a_time_is_408",
    ),
    _documented(
        name="a-wrong-wait-of-a-change-is-not-in-the-document",
        old='"no-such-change", "invalid"),',
        new='"no-such-change"),',
        test="tests/integration/api/test_api_schemathesis.py::test_each_operation_answers_as_the_document_says",
    ),
    _documented(
        name="a-problem-is-not-in-the-document",
        old='*READ, "bad-key", "key-reused", "perhaps-kept", "no-such-booking", *REFUSED)',
        new='*READ, "bad-key", "perhaps-kept", "no-such-booking", *REFUSED)',
        test="tests/unit/api/test_api_problems.py::test_what_an_endpoint_can_refuse_is_in_its_document",
    ),
    Breakage(
        name="what-has-begun-is-cut-off-at-the-end",
        promise=1,
        file="worker/api/serve.py",
        old="LAST_CALLS = 12 ",
        new="LAST_CALLS = 1 ",
        test=f"{_HURT}test_what_has_begun_ends_after_sigterm",
    ),
    _pages(
        name="a-first-connection-that-is-cut-off-is-a-fault-of-ours",
        file="db/connection.py",
        old="        except NotImplementedError as exc:",
        new="        except AssertionError as exc:",
        test="tests/integration/database/test_db_deadline.py::"
        "test_a_first_look_that_is_cut_off_is_a_database_that_does_not_answer",
    ),
    _pages(
        name="ready-waits-for-a-frozen-postgres",
        old="READY_WITHIN = 1.0",
        new="READY_WITHIN = 12.0",
        test=f"{_HURT}test_a_frozen_postgres_makes_it_unready_within_a_bound",
    ),
    _bookings(
        name="a-repeat-after-the-start-is-too-late",
        old="    return _LateRequest(asked, asked.idempotency_key, problem)\n",
        new="    raise problem\n",
        test=f"{_ANSWERS}test_a_repeat_after_the_start_is_answered_with_its_booking",
    ),
    _bookings(
        name="any-key-books-in-the-past",
        old="        if self.key not in known:",
        new="        if not self.key:",
        test=f"{_ANSWERS}test_a_repeat_after_the_start_is_answered_with_its_booking",
    ),
    _bodies(
        name="of-two-keys-the-first-counts",
        old="    if len(headers) > 1:\n",
        new="    if not headers:\n",
        test=f"{_ANSWERS}test_two_keys_of_the_header_are_refused",
    ),
    Breakage(
        name="an-open-commit-is-told-as-none",
        promise=1,
        file="client/booking_client/database/errors.py",
        old="error_type=error.error_type, perhaps_kept=True)\n\n\ndef kept_in_part",
        new="error_type=error.error_type)\n\n\ndef kept_in_part",
        test=f"{_HURT}test_a_frozen_postgres_leaves_the_answer_open",
    ),
    Breakage(
        name="who-waits-is-cut-off-at-the-end",
        promise=1,
        file="worker/api/app.py",
        old="            calls().closing = True\n            waiters.close()\n",
        new="            calls().closing = True\n",
        test="tests/integration/api/test_api_waits.py::test_many_who_wait_hold_no_connection",
    ),
    _bookings(
        name="a-key-books-in-the-default-account",
        promise=7,
        old="        OF_THE_KEY: key.account,\n",
        new="",
        test=f"{_ACCOUNTS}test_a_booking_is_of_its_keys_account",
    ),
    Breakage(
        name="a-call-books-in-the-default-account",
        promise=7,
        file="tasks/conversations/booking.py",
        old='"account": key.account}',
        new='"account": None}',
        test=f"{_ACCOUNTS}test_a_booking_is_of_its_keys_account",
    ),
    _views(
        name="a-key-changes-what-another-has-asked-for",
        old="    AND (CAST(:api_key AS bigint) IS NULL OR api_key_id = CAST(:api_key AS bigint))\n",
        new="    AND (CAST(:api_key AS bigint) IS NULL OR true)\n",
        test=f"{_CHANGES}test_another_keys_booking_is_as_one_that_is_not_there",
    ),
    _views(
        name="a-key-that-sees-all-sees-other-accounts",
        old="    AND (CAST(:account AS integer) IS NULL OR account_id = CAST(:account AS integer))\n",
        new="    AND (CAST(:account AS integer) IS NULL OR true)\n",
        test=f"{_OWN}test_a_key_sees_what_it_may[another account's that sees all]",
    ),
    Breakage(
        name="free-times-of-an-account-are-read-by-anothers-key",
        promise=7,
        file="tasks/slots/free.py",
        old="deps.for_account(question.account_id)",
        new="deps",
        test="tests/integration/accounts/test_slots_of_accounts.py::test_an_account_is_asked_by_its_own_key",
    ),
    Breakage(
        name="free-times-of-an-account-take-anothers-share",
        promise=3,
        file="worker/wiring.py",
        old="return usual if known is None else known.rate_limit or usual",
        new="return usual",
        test="tests/integration/accounts/test_slots_of_accounts.py::"
        "test_an_accounts_readings_take_a_fifth_of_its_own_limit",
    ),
    Breakage(
        name="an-answer-does-not-say-what-is-left",
        promise=6,
        file="worker/api/concurrency/arrived.py",
        old="        call.rate = key.rate, left\n",
        new="",
        test="tests/integration/api/test_api_keys.py::test_an_answer_says_how_many_calls_its_key_has_left",
    ),
    Breakage(
        name="what-is-left-of-a-rate-is-one-too-many",
        promise=6,
        file="resilience/call_limit.py",
        old="math.floor(room - may_go + 1e-6)",
        new="math.floor(room - may_go + 1)",
        test="tests/integration/api/test_call_limit.py::test_of_calls_that_come_together_so_many_go_as_may",
    ),
    Breakage(
        name="a-list-has-other-keys-bookings",
        promise=7,
        file="db/sql/views_of_key.sql",
        old="WHERE api_key_id = CAST(:api_key AS bigint) AND",
        new="WHERE api_key_id > 0 AND CAST(:api_key AS bigint) > 0 AND",
        test="tests/integration/api/test_api_own_bookings.py::test_a_key_lists_its_own_bookings_alone",
    ),
    _read(
        name="a-list-ends-where-nothing-fits",
        promise=6,
        old="else rows[0][-1])",
        new="else None)",
        test="tests/integration/api/test_api_own_bookings.py::test_a_page_looks_at_a_thousand_bookings",
    ),
    Breakage(
        name="a-list-passes-over-a-filter",
        promise=6,
        file="worker/api/finding/listed.py",
        old="for name in given if name not in PARAMETERS}",
        new="for name in given if not name}",
        test="tests/integration/api/test_api_own_bookings.py::test_a_filter_that_is_wrong_is_422[state=held-state]",
    ),
    Breakage(
        promise=6,
        name="a-field-that-cal-com-knows-is-dropped",
        file="worker/api/calcom_shape/bodies.py",
        old="    if unknown:\n",
        new="    given = {name: given[name] for name in given if name in names}\n    if not given:\n",
        test=f"{_SHAPE}test_what_cannot_be_kept_is_refused_by_cal_coms_name[a series]",
    ),
    _shape(
        name="held-is-told-as-what-a-host-confirms",
        old='"X-Booking-Status": str(view.status)',
        new='"X-Booking-Status": _status(view)',
        test=f"{_SHAPE}test_held_is_told_apart_from_what_a_host_must_confirm",
    ),
    _in_shape(
        name="a-refusal-is-told-as-a-booking",
        old="    if view.status in shape.NOT_BOOKED:\n",
        new="    if view.status in ():\n",
        test=f"{_SHAPE}test_who_names_no_time_to_wait_hears_of_the_booking[taken]",
    ),
    _in_shape(
        name="times-that-are-not-known-are-told-as-none",
        old="    if not found.known:\n",
        new="    if not found:\n",
        test=f"{_SHAPE}test_free_times_are_told_by_their_day",
    ),
    _shape(
        name="a-length-is-made-up",
        old="    if minutes is not None:\n",
        new="    minutes = minutes or 30\n    if minutes:\n",
        test=f"{_SHAPE}test_a_booking_is_told_as_the_public_document_says",
    ),
    _answers(
        name="a-booking-that-has-changed-is-told-as-known",
        promise=6,
        old="hashlib.sha256(answer.body)",
        new='hashlib.sha256(b"")',
        test=f"{_REFERENCES}test_a_booking_that_is_known_is_not_sent_again[{{tag}}]",
    ),
    _read(
        name="a-reference-names-others-bookings",
        promise=7,
        old="        view if view is not None and of_key in {None, view.api_key_id} else None\n",
        new="        view\n",
        test=f"{_REFERENCES}test_another_keys_reference_is_as_one_that_is_not_there",
    ),
)
