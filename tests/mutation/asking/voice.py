"""What voice agents and the free times are guarded by, taken away, one by one."""

from functools import partial

from tests.mutation.breakage import Breakage

_TOOLS = "tests/integration/api/voice/test_voice_tools.py::"
_CHANGES = "tests/integration/api/voice/test_voice_changes.py::"
_HOSTILE = "tests/integration/api/voice/test_voice_hostile.py::"
_DEALT = (
    "tests/promises/asking/test_dealt_calls.py::"
    "test_no_sentence_of_a_dealt_call_is_untrue_and_each_request_is_booked_once[12]"
)
_SLOTS = "tests/promises/asking/test_free_slots.py::"
_wiring = partial(Breakage, promise=3, file="worker/wiring.py")
_booking = partial(Breakage, promise=2, file="tasks/conversations/booking.py")
_languages = partial(Breakage, promise=6, file="tasks/callers/languages/__init__.py")
_sentences = partial(Breakage, promise=6, file="tasks/callers/sentences.py")
_finding = partial(Breakage, promise=2, file="tasks/conversations/finding.py")
_spoken = partial(Breakage, promise=6, file="tasks/changes/ask/spoken.py")
_CALL = "tests/unit/worker/demo/test_demo_call.py::"
_call = partial(Breakage, promise=6, file="worker/local/demo/calling.py")
_WANTED = "tests/integration/api/voice/test_asked_before.py::"
_LEARNT = "tests/unit/api/test_learnt_fields.py::"
_SAID = "tests/unit/api/test_api_sentences.py::"
_RIGHT = "tests/integration/api/voice/test_right_hour.py::"
_MCP = "tests/integration/api/voice/test_mcp.py::"
_payloads = partial(Breakage, promise=6, file="worker/api/voice/payloads.py")
_endpoint = partial(Breakage, promise=7, file="worker/api/mcp/endpoint.py")
_wanted = partial(Breakage, file="tasks/conversations/wanted.py")
_answering = partial(Breakage, file="worker/api/voice/answering.py")

VOICE = (
    Breakage(
        name="any-signature-is-retells",
        promise=7,
        file="worker/api/voice/signatures.py",
        old="read[2]) for key in keys) > 0",
        new="read[2]) for key in keys) >= 0",
        test=f"{_HOSTILE}test_a_wrong_signature_is_401[4]",
    ),
    _answering(
        name="any-key-may-be-named-by-an-agent",
        promise=7,
        old="proven, Scope.VOICE)",
        new="proven, Scope.BOOK)",
        test=f"{_HOSTILE}test_both_keys_of_retell_are_taken_and_no_key_of_ours_is_guessed",
    ),
    _answering(
        name="an-agent-does-not-wait-for-its-change",
        promise=6,
        old="services.change_waiters.wait(told.change, self._left)",
        new="services.change_waiters.wait(told.change, 0)",
        test=f"{_CHANGES}test_what_is_done_in_the_agents_time_is_told_as_done[vapi]",
    ),
    _booking(
        name="a-repeat-in-a-call-is-one-more-request",
        old='update={"idempotency_key": name,',
        new='update={"idempotency_key": name and f"{name}:{id(request)}",',
        test=f"{_TOOLS}test_a_second_booking_of_the_call_is_asked_about_first[retell]",
    ),
    _booking(
        name="a-second-booking-of-a-call-is-not-asked-about",
        old="if view is not None and view.status in WANTED and not another:",
        new="if view is not None and view.status not in WANTED:",
        test=f"{_TOOLS}test_a_second_booking_of_the_call_is_asked_about_first[vapi]",
    ),
    _booking(
        name="a-later-call-is-told-that-its-own-time-is-taken",
        old="cancelling is None and not another and",
        new="cancelling is None and another and",
        test=f"{_TOOLS}test_the_same_person_is_not_told_in_a_later_call_that_its_own_time_is_taken[retell]",
    ),
    Breakage(
        name="a-move-is-read-by-the-places-clock",
        promise=6,
        file="tasks/conversations/times.py",
        old="zone = self.zone or booked_in or self.place",
        new="zone = self.zone or self.place or booked_in",
        test=f"{_RIGHT}test_a_caller_elsewhere_moves_and_asks_by_the_own_clock[vapi]",
    ),
    Breakage(
        name="an-abbreviation-is-believed-all-year",
        promise=6,
        file="worker/api/voice/zones.py",
        old="if zone and ZoneInfo(zone).tzname(at) == abbreviation else None",
        new="if zone else None",
        test="tests/unit/api/test_voice_zones.py::test_a_zone_is_read_in_summer[EST-None]",
    ),
    _payloads(
        name="a-tool-of-a-long-call-is-too-large",
        old="MAX_PAYLOAD = 2 * 1024 * 1024",
        new="MAX_PAYLOAD = 64 * 1024",
        test="tests/integration/api/voice/test_real_calls.py::test_a_tool_works_however_long_its_call_lasts[retell]",
    ),
    _payloads(
        name="large-bodies-have-no-bound",
        old="LARGE_AT_ONCE = 16",
        new="LARGE_AT_ONCE = 16_000",
        test="tests/unit/api/test_voice_payloads.py::test_sixteen_large_bodies_are_read_at_once",
    ),
    Breakage(
        name="an-error-has-no-sentence",
        promise=6,
        file="worker/api/voice/answers.py",
        old='            error.document["say"] = _say(request, error.status)\n',
        new="",
        test="tests/integration/api/voice/test_real_calls.py::"
        "test_a_body_of_more_than_two_megabytes_has_a_sentence[vapi]",
    ),
    Breakage(
        name="the-calls-id-of-a-header-is-not-read",
        promise=2,
        file="worker/api/voice/address.py",
        old="if CALL_ID.fullmatch(name)), None)",
        new="if not name), None)",
        test=f"{_MCP}test_the_calls_id_of_a_header_names_the_call",
    ),
    _endpoint(
        name="a-page-in-a-browser-is-served",
        old='    if "origin" in request.headers:',
        new='    if "origins" in request.headers:',
        test=f"{_MCP}test_no_stream_no_session_and_no_browser",
    ),
    _endpoint(
        name="mcp-lists-tools-that-a-key-may-not-use",
        old="if TOOLS[name].scope in admission.key.scopes]",
        new="if admission.key.scopes]",
        test=f"{_MCP}test_a_list_has_the_tools_of_its_key_and_answers_are_of_their_schema",
    ),
    Breakage(
        name="a-tool-needs-no-scope",
        promise=7,
        file="worker/api/voice/plain.py",
        old="answering.admitted(TOOLS[name].scope)",
        new="answering.admitted(None)",
        test="tests/integration/api/voice/test_plain_tools.py::test_a_tool_needs_its_scope_and_no_other",
    ),
    Breakage(
        name="a-repeated-move-in-a-call-is-one-more",
        promise=2,
        file="tasks/conversations/changing.py",
        old="key = None if conversation.call is None else",
        new="key = None if conversation.call else",
        test=f"{_CHANGES}test_what_cal_com_has_is_moved_once_a_call[retell]",
    ),
    _booking(
        name="a-cancel-goes-out-after-its-caller-books-again",
        old="            is_kept = take_back_cancel(conn, own.id)\n",
        new="            is_kept = True\n",
        test=f"{_CHANGES}test_who_books_again_is_asked_whether_the_cancel_is_to_be_taken_back[retell-the same call]",
    ),
    _sentences(
        name="an-unknown-outcome-is-told-as-booked",
        old="        Status.BOOKING: Said.UNDER_WAY,\n        Status.RETRYING: Said.UNDER_WAY,\n",
        new="        Status.BOOKING: Said.DONE,\n        Status.RETRYING: Said.DONE,\n",
        test=_DEALT,
    ),
    _languages(
        name="a-time-is-said-as-in-london-everywhere",
        old="(written.get(region) or written)[name]",
        new="written[name]",
        test="tests/unit/api/test_api_sentences.py::"
        "test_a_time_is_told_in_the_attendees_zone_and_language"
        "[en-America/New_York-You are booked for Tuesday, March 5 at 4:00 AM.]",
    ),
    _languages(
        name="a-region-of-a-tag-is-not-heard",
        old='(tag or ENGLISH).partition("-")[2] or _region_of(time_zone)',
        new="_region_of(time_zone)",
        test="tests/unit/api/test_api_sentences.py::"
        "test_a_time_is_told_in_the_attendees_zone_and_language"
        "[en-US-Europe/Berlin-You are booked for Tuesday, March 5 at 10:00 AM.]",
    ),
    Breakage(
        name="an-outage-is-told-as-booked-in-one-language",
        promise=6,
        file="tasks/callers/languages/nl.toml",
        old='niet. Ik heb {time} genoteerd, op uw plaats in de rij, en wij bevestigen het aan u."',
        new='niet. Uw afspraak is geboekt: {time}."',
        test="tests/unit/api/test_languages.py::test_what_must_be_true_is_said_where_it_is_true_and_nowhere_else[nl]",
    ),
    _sentences(
        name="told-as-noted-though-nothing-was-stored",
        old="return SENTENCES[language_of(language)][Said.NOT_ACCEPTED]",
        new="return SENTENCES[language_of(language)][Said.OPERATOR]",
        test="tests/promises/asking/test_voice_calls.py::test_without_postgres_nothing_is_said_to_be_noted",
    ),
    Breakage(
        name="a-taken-time-is-told-as-a-refusal",
        promise=6,
        file="tasks/attempts/refusal.py",
        old="ErrorType.TAKEN if reply_kind in _TAKEN else ErrorType.REFUSED",
        new="ErrorType.REFUSED",
        test="tests/unit/tasks/test_refusal.py::test_a_booking_whose_time_is_taken_ends_as_taken[taken]",
    ),
    Breakage(
        name="a-taken-start-of-a-move-is-not-kept",
        promise=6,
        file="tasks/changes/ending.py",
        old="return step is ChangeStep.REFUSE_FULL or (",
        new="return step is ChangeStep.REFUSE_CANCELLED and (",
        test="tests/integration/changes/test_taken_moves.py::test_a_start_that_another_has_is_taken[seats]",
    ),
    _spoken(
        name="who-may-not-cancel-is-told-of-a-call-that-nobody-makes",
        old="_C.CANCEL_FAILED if failed else _C.CANCEL_REFUSED",
        new="_C.CANCEL_FAILED",
        test="tests/integration/callbacks/test_callbacks_of_changes.py::"
        "test_a_change_that_is_not_done_is_a_callback[a refused cancel]",
    ),
    _spoken(
        name="each-refused-move-is-told-as-taken",
        old="change.error_type == ErrorType.TAKEN,",
        new="change.error_type != ErrorType.TIMEOUT,",
        test=f"{_CHANGES}test_what_cal_com_has_is_moved_once_a_call[vapi]",
    ),
    Breakage(
        name="a-repeat-in-a-call-is-told-as-new",
        promise=6,
        file="worker/api/voice/tools.py",
        old="return Told(view=made.view, again=made.again, is_moved=made.again and made.view.start != asked.start)",
        new="return Told(view=made.view)",
        test="tests/promises/asking/test_voice_calls.py::"
        "test_a_slow_cal_com_books_once_and_who_asks_again_hears_that_it_is_theirs",
    ),
    _finding(
        name="another-booking-is-cancelled-than-the-one-named",
        old="own = _at(start, own)  #",
        new="own = _at(start, own) or own  #",
        test=f"{_CHANGES}test_another_start_is_another_booking[retell]",
    ),
    _finding(
        name="a-repeated-cancel-without-a-call-id-is-asked-about",
        old="if view.status in WANTED] or found[-1:]",
        new="if view.status in WANTED]",
        test=f"{_CHANGES}test_a_cancel_that_is_repeated_without_a_call_id_is_known",
    ),
    Breakage(
        name="a-moved-booking-is-found-at-its-old-start",
        promise=6,
        file="db/sql/views_of_person.sql",
        old="        OR CAST(:moved_too AS boolean) AND (\n",
        new="        OR CAST(:moved_too AS boolean) IS NOT NULL AND (\n",
        test=f"{_CHANGES}test_who_names_the_new_start_means_the_moved_booking",
    ),
    Breakage(
        name="told-where-a-booking-was-before-its-move-ended",
        promise=6,
        file="tasks/changes/ask/by_caller.py",
        old="    over = [number for number, change in newest.items() if change.over]\n",
        new="    over: list[int] = []\n",
        test=f"{_CHANGES}test_a_move_that_ends_while_the_status_is_asked_is_told",
    ),
    _finding(
        name="who-names-no-start-is-told",
        promise=7,
        old="    if wanted or start is None or",
        new="    start = start or NamedTime(datetime(2030, 3, 5, 9, tzinfo=UTC))\n    if wanted or",
        test=f"{_TOOLS}test_the_status_is_told_to_the_call_and_to_who_names_person_and_start[vapi]",
    ),
    _wiring(
        name="free-times-take-the-whole-limit",
        old="SLOTS_SHARE = 5",
        new="SLOTS_SHARE = 1",
        test=f"{_SLOTS}test_many_askers_take_a_fifth_of_the_limit",
    ),
    _wiring(
        name="free-times-take-a-quarter-of-the-limit",
        old="SLOTS_SHARE = 5",
        new="SLOTS_SHARE = 4",
        test=f"{_SLOTS}test_however_many_ask_in_a_minute_bookings_have_four_fifths_of_the_limit",
    ),
    _wiring(
        name="free-times-take-a-share-at-once-and-one-more",
        old="share - at_once + 1, at_once",
        new="share, at_once",
        test="tests/unit/api/test_slot_share.py::test_readings_take_a_fifth_of_a_minutes_calls[120-6-24]",
    ),
    Breakage(
        name="in-an-outage-nothing-is-free",
        promise=6,
        file="tasks/slots/free.py",
        old="NoAccess, SQLAlchemyError):\n        return None\n",
        new='NoAccess, SQLAlchemyError):\n        return json.dumps({"as_of": as_of, "starts": []})\n',
        test=f"{_SLOTS}test_in_an_outage_nothing_is_known_and_nobody_guesses",
    ),
    Breakage(
        name="each-process-reads-the-free-times",
        promise=3,
        file="resilience/lua/reading_begin.lua",
        old="if kept then",
        new="if kept == '' then",
        test=f"{_SLOTS}test_all_who_ask_the_same_cost_one_call",
    ),
    Breakage(
        name="a-full-time-is-free",
        promise=6,
        file="tasks/calcom/slots.py",
        old='if slot.get("seatsRemaining") != 0}',
        new="if slot}",
        test="tests/unit/calcom/test_calcom_slots.py::test_a_full_time_is_not_free",
    ),
    Breakage(
        name="an-address-that-the-type-wants-is-not-asked-for",
        promise=6,
        file="worker/api/voice/arguments.py",
        old="if fields.email and request.attendee.email is None:",
        new="if fields.email and request.attendee.phone_number is None:",
        test=f"{_WANTED}test_an_address_that_the_type_wants_is_asked_for",
    ),
    Breakage(
        name="a-question-of-the-type-is-not-asked",
        promise=6,
        file="worker/api/voice/given_answers.py",
        old="if one.required and not _is_answer(answers.get(one.slug), one)",
        new="if not one.required",
        test=f"{_WANTED}test_a_question_of_the_types_own_is_asked[by its name]",
    ),
    _wanted(
        name="a-type-is-read-for-each-booking",
        promise=3,
        old="(shown is None or now - shown.at >= FRESH)",
        new="True",
        test=f"{_LEARNT}test_a_type_is_read_again_after_five_minutes_and_its_old_fields_count_until_then",
    ),
    _wanted(
        name="each-person-waits-for-a-type-that-is-not-read",
        promise=6,
        old="(in_vain is None or now - in_vain >= IN_VAIN)",
        new="True",
        test=f"{_LEARNT}test_a_type_that_is_not_shown_is_asked_for_once_in_a_minute[not shown]",
    ),
    Breakage(
        promise=6,
        file="tasks/callers/languages/en.toml",
        name="who-is-refused-is-told-of-a-call-that-nobody-makes",
        old='refused = "I could not book it. Which other time suits you?"',
        new='refused = "I could not book it. A colleague will call you."',
        test=f"{_SAID}test_only_what_an_alert_names_is_promised_a_call",
    ),
    _call(
        name="a-callback-of-another-time-is-believed",
        old='if told["id"] != self.booking or datetime.fromisoformat(told["start"]) not in starts:',
        new='if told["id"] != self.booking:',
        test=f"{_CALL}test_a_booking_that_is_elsewhere_than_was_told_is_found",
    ),
    _call(
        name="a-call-that-was-not-noted-is-well",
        old="        if self.status is not Status.HELD:\n",
        new="        if False:\n",
        test=f"{_CALL}test_what_the_customer_was_told_and_is_not_so_is_found",
    ),
)
