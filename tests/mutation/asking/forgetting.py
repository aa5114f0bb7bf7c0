"""What `booking forget` promises, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_FOLDER = "tests/integration/operations/"
_TESTS = f"{_FOLDER}test_forgetting.py::"
_DUMP = f"{_TESTS}test_a_dump_has_neither_the_person_nor_a_hash_of_it"
_UIDS = f"{_TESTS}test_each_uid_that_cal_com_has_is_named_and_emptied"
_LIVES = f"{_TESTS}test_what_was_written_about_a_booking_that_lives_stays"
_CLI = "tests/integration/cli/forgetting/test_cli_forget.py::"
_screen = partial(Breakage, promise=7, file="worker/cli/orders/forget.py")
_COLUMNS = f"{_FOLDER}test_forgetting_columns.py::test_no_column_keeps_what_was_said_of_a_forgotten_person"
_FOUND = f"{_FOLDER}test_forgetting_words.py::"
_callbacks = partial(Breakage, promise=7, file="db/sql/forget_callbacks.sql")
_expressions = partial(Breakage, promise=7, file="db/whole_words.py")
_found = partial(Breakage, promise=7, file="db/sql/personal_bookings.sql")
_words = partial(Breakage, promise=7, file="db/sql/forget_words.sql")
_order = partial(Breakage, promise=7, file="tasks/operations/forgetting.py")
_bookings = partial(Breakage, promise=7, file="db/sql/forget_bookings.sql")

FORGETTING = (
    _bookings(
        name="a-forgotten-person-has-a-hash",
        old="        payload_hash = CAST(gen_random_uuid() AS text),\n",
        new="",
        test=_DUMP,
    ),
    _bookings(
        name="a-forgotten-person-has-a-derived-key",
        old="        request_metadata = '{}',\n        idempotency_key = 'forgotten:' || gen_random_uuid(),\n",
        new="        request_metadata = '{}',\n",
        test=_DUMP,
    ),
    _bookings(
        name="a-forgotten-person-is-in-a-change",
        old="    SET reason = CASE WHEN length(reason) > 0 THEN 'forgotten' ELSE '' END,\n",
        new="    SET reason = reason,\n",
        test=_DUMP,
    ),
    _callbacks(
        name="a-forgotten-person-is-in-callbacks",
        old="SET data = data || '{\"key\": null}',\n",
        new="SET data = data,\n",
        test=_DUMP,
    ),
    _callbacks(
        name="a-forgotten-person-is-in-a-callback-address",
        old="    url = CASE WHEN stays THEN url ELSE '' END,\n",
        new="",
        test=_DUMP,
    ),
    _callbacks(
        name="a-forgotten-person-is-in-a-callbacks-host",
        old="    host = CASE WHEN stays THEN host ELSE '' END,\n",
        new="",
        test=_COLUMNS,
    ),
    _bookings(
        name="a-forgotten-person-is-in-an-orders-reason",
        old="WHERE given.name IN ('start', 'week', 'scope', 'account')",
        new="WHERE given.name IN ('start', 'week', 'scope', 'account', 'reason')",
        test=_COLUMNS,
    ),
    Breakage(
        name="a-forgotten-person-is-in-what-operators-wrote-about-the-breaker",
        promise=7,
        file="db/sql/forget_elsewhere.sql",
        old="UPDATE breaker_overrides SET why = 'forgotten'",
        new="UPDATE breaker_overrides SET why = why",
        test=_COLUMNS,
    ),
    Breakage(
        name="a-forgotten-host-is-in-the-failures-of-hosts",
        promise=7,
        file="db/personal.py",
        old='    conn.execute(statement("forget_receivers"))\n    conn.execute(statement("forget_hosts"))\n',
        new="",
        test=_COLUMNS,
    ),
    _expressions(
        name="a-name-is-found-in-the-servers-own-alphabet",
        old="    same = {char, *_same_case()[folded]} | ({folded} if len(folded) == 1 else set())\n",
        new="    same = {char}\n",
        test=f"{_FOUND}test_a_name_stays_in_no_order_and_in_no_event_of_its_bookings[umlauts]",
    ),
    _expressions(
        name="a-name-with-quotes-is-not-found-in-json",
        old=r"""r"\\*" + re.escape(char)) if char in""",
        new="re.escape(char)) if char in",
        test=f"{_FOUND}test_a_name_stays_in_no_order_and_in_no_event_of_its_bookings[quotes]",
    ),
    _expressions(
        name="a-name-is-not-found-as-json-escapes-it",
        old='    return f"(?:{plain}|{escape})"\n',
        new='    return f"(?:{plain}|{escape}never)"\n',
        test=f"{_FOUND}test_a_name_is_found_in_each_of_its_forms[Cyrillic]",
    ),
    _expressions(
        name="a-number-with-blanks-is-not-found",
        old="_WITHIN_NUMBERS.join(map",
        new='"".join(map',
        test=f"{_FOUND}test_a_booking_whose_attendee_gave_the_number_is_the_persons_own[reminder]",
    ),
    _found(
        name="a-number-is-looked-for-in-its-column-alone",
        old="        OR location ->> 'type' = 'attendeePhone' AND location ->> 'phone' = CAST(:phone AS text)\n",
        new="",
        test=f"{_FOUND}test_a_booking_whose_attendee_gave_the_number_is_the_persons_own[place]",
    ),
    _found(
        name="answers-are-not-looked-through",
        old="guests, location, booking_fields_responses, request_metadata, idempotency_key,",
        new="guests, location, idempotency_key,",
        test=f"{_FOUND}test_who_is_named_in_anothers_answers_is_taken_out_of_them[ann@example.com]",
    ),
    _order(
        name="a-booking-that-lives-is-emptied-by-another-word",
        old="for one in also_named if not one.is_over",
        new="for one in also_named if one.is_forgotten",
        test=f"{_FOUND}test_a_booking_that_lives_keeps_what_names_its_attendee_by_another_word",
    ),
    _bookings(
        name="a-forgotten-person-has-a-place",
        old="        location = NULL,\n",
        new="",
        test=_DUMP,
    ),
    _bookings(
        name="a-forgotten-persons-booking-has-a-correlation-id",
        old="        payload_hash = CAST(gen_random_uuid() AS text),\n        correlation_id = 'forgotten-' || id,\n",
        new="        payload_hash = CAST(gen_random_uuid() AS text),\n",
        test=_DUMP,
    ),
    _bookings(
        name="a-forgotten-persons-change-has-a-correlation-id",
        old="gen_random_uuid(),\n        correlation_id = 'forgotten-' || appointment_id,\n",
        new="gen_random_uuid(),\n",
        test=_DUMP,
    ),
    _words(
        name="a-forgotten-guest-has-a-hash",
        old=" THEN last_error END,\n        payload_hash = CAST(gen_random_uuid() AS text)\n",
        new=" THEN last_error END\n",
        test=_DUMP,
    ),
    _callbacks(
        name="a-callback-of-a-booking-that-lives-is-emptied",
        old="OR callback.appointment_id <> ALL(CAST(:kept AS bigint[]))\n",
        new="OR callback.appointment_id <> ALL(CAST(:kept AS bigint[])) IS NOT NULL\n",
        test=_LIVES,
    ),
    Breakage(
        name="an-event-of-a-booking-that-lives-is-emptied",
        promise=7,
        file="db/sql/forget_events.sql",
        old="AND appointment_id <> ALL(CAST(:kept AS bigint[]))\n",
        new="AND appointment_id <> ALL(CAST(:kept AS bigint[])) IS NOT NULL\n",
        test=_LIVES,
    ),
    _expressions(
        name="who-has-a-longer-address-is-forgotten",
        old='    return f"(^|{before}|{_ESCAPED}){found}{after}"',
        new="    return found",
        test=f"{_TESTS}test_what_is_of_others_stays",
    ),
    _found(
        name="who-is-to-come-is-forgotten",
        old="OR status = 'confirmed' AND now() > coalesce(",
        new="OR status = 'confirmed' OR now() > coalesce(",
        test=f"{_TESTS}test_a_booking_that_lives_is_not_forgotten",
    ),
    Breakage(
        name="nobody-is-booked-again",
        promise=2,
        file="tasks/operations/retry.py",
        old="    if row.attendee_email == FORGOTTEN:\n",
        new="    if False:\n",
        test=f"{_TESTS}test_a_forgotten_booking_is_not_tried_again",
    ),
    _screen(
        name="a-uid-at-calcom-is-not-shown-before-it-is-forgotten",
        old="        _say_uids(found.at_calcom)\n",
        new="",
        test=f"{_CLI}test_each_uid_that_calcom_has_is_shown_with_its_start",
    ),
    _screen(
        name="a-forgotten-persons-uids-are-on-record",
        old='requested("forget", why=why, target={})',
        new='requested("forget", why=why, target={"uids": [one.uid for one in found.at_calcom]})',
        test=f"{_CLI}test_a_uid_is_on_the_screen_alone",
    ),
    # -- each uid at Cal.com
    Breakage(
        name="forgotten-and-the-uids-of-changes-not-named",
        promise=7,
        file="db/sql/personal_uids.sql",
        old="    SELECT appointment_id, from_uid, CAST(",
        new="    SELECT appointment_id, NULL, CAST(",
        test=_UIDS,
    ),
    _bookings(
        name="forgotten-and-its-old-uid-stays",
        old="'retrying', 'held') THEN from_uid END,",
        new="'retrying', 'held', 'done') THEN from_uid END,",
        test=_UIDS,
    ),
    _bookings(
        name="forgotten-and-its-ghost-stays",
        old="strpos(CAST(fact.value AS text), gone.uid) > 0)",
        new="false)",
        test=_UIDS,
    ),
    _order(
        name="another-address-of-the-number-not-named",
        old="            same[number] = ids\n",
        new="            pass\n",
        test=f"{_TESTS}test_ended_bookings_of_the_same_number_are_named",
    ),
)
