"""What `booking forget` promises, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_TESTS = "tests/integration/operations/test_forgetting.py::"
_DUMP = f"{_TESTS}test_a_dump_has_neither_the_person_nor_a_hash_of_it"
_LIVES = f"{_TESTS}test_what_was_written_about_a_booking_that_lives_stays"
_CLI = "tests/integration/cli/forgetting/test_cli_forget.py::"
_screen = partial(Breakage, promise=7, file="worker/cli/orders/forget.py")
_words = partial(Breakage, promise=7, file="db/sql/forget_words.sql")
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
    _bookings(
        name="a-forgotten-person-is-in-callbacks",
        old="    SET data = data || '{\"key\": null}',\n",
        new="    SET data = data,\n",
        test=_DUMP,
    ),
    _bookings(
        name="a-forgotten-person-is-in-a-callback-address",
        old="        url = CASE WHEN of_key THEN url ELSE '' END,\n",
        new="",
        test=_DUMP,
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
        old="        ),\n        payload_hash = CAST(gen_random_uuid() AS text)\n",
        new="        )\n",
        test=_DUMP,
    ),
    _words(
        name="a-callback-of-a-booking-that-lives-is-emptied",
        old="WHERE appointment_id <> ALL(CAST(:kept AS bigint[])) AND",
        new="WHERE appointment_id <> ALL(CAST(:kept AS bigint[])) IS NOT NULL AND",
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
    Breakage(
        name="who-has-a-longer-address-is-forgotten",
        promise=7,
        file="db/personal.py",
        old='    return rf"(^|{before}|\\\\[bfnrt]){re.escape(word.lower())}{after}"',
        new="    return re.escape(word.lower())",
        test=f"{_TESTS}test_what_is_of_others_stays",
    ),
    Breakage(
        name="who-is-to-come-is-forgotten",
        promise=7,
        file="db/sql/personal_bookings.sql",
        old="OR status = 'confirmed' AND now() > coalesce(",
        new="OR status = 'confirmed' OR now() > coalesce(",
        test=f"{_TESTS}test_a_booking_that_lives_is_not_forgotten",
    ),
    Breakage(
        name="nobody-is-booked-again",
        promise=2,
        file="tasks/operations/booking_commands.py",
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
)
