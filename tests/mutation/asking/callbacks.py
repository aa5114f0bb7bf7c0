"""What callbacks promise, taken away: where they go, who signed them, their order, and that none is lost."""

from functools import partial

from tests.mutation.breakage import Breakage

_ADDRESSES = "tests/unit/callbacks/test_callback_addresses.py::"
_WRITTEN = "tests/integration/callbacks/test_callbacks_written.py::"
_SENT = "tests/integration/callbacks/test_callbacks_delivered.py::"
_ORDER = "tests/integration/callbacks/test_callbacks_order.py::"
_address = partial(Breakage, promise=7, file="tasks/callbacks/addresses.py")
_signing = partial(Breakage, promise=7, file="tasks/callbacks/signing.py")
_CHANGES = "tests/integration/callbacks/test_callbacks_of_changes.py::"
_KEYS = "tests/integration/cli/keys/test_cli_keys.py::"
_CHECK = "tests/integration/cli/telling/test_check_callbacks.py::"
_listed = partial(Breakage, file="worker/cli/keys/keys.py")
_samples = partial(Breakage, promise=6, file="worker/api/callbacks/samples.py")
_SAMPLE = "tests/integration/callbacks/test_callbacks_sample.py::"
_check = partial(Breakage, file="worker/cli/check/callbacks.py")
_callbacks = partial(Breakage, file="db/callbacks.py")
_claim_sql = partial(Breakage, promise=1, file="db/sql/claim_callbacks.sql")
_AT_ONCE = "tests/integration/callbacks/test_callbacks_at_once.py::"
_NAMES = "tests/unit/callbacks/test_callback_names.py::"
_NEIGHBOURS = "tests/integration/callbacks/test_callbacks_neighbours.py::"
_EVENTS = "tests/integration/api/doors/test_api_events.py::"
_SOON = "tests/integration/callbacks/test_callbacks_soon.py::"
_dispatcher = partial(Breakage, file="worker/dispatcher.py")
_outbox = partial(Breakage, promise=1, file="db/migrations/initial/callbacks.sql")

CALLBACKS = (
    _address(
        name="callbacks-use-calcoms-resolver",
        promise=3,
        old="NAMES = Resolver(max_threads=MAX_HANGING, one_each=True)",
        new="from tasks.calcom.http.resolver import RESOLVER as NAMES",
        test=f"{_NAMES}test_names_that_hang_delay_no_other_name",
    ),
    _address(
        name="a-name-that-hangs-is-looked-up-again-and-again",
        promise=3,
        old="max_threads=MAX_HANGING, one_each=True",
        new="max_threads=MAX_HANGING",
        test=f"{_NAMES}test_names_that_hang_delay_no_other_name",
    ),
    _address(
        name="each-port-of-a-name-is-looked-up",
        promise=3,
        old="self._resolver.resolve(host, 0, timeout)",
        new="self._resolver.resolve(host, port, timeout)",
        test=f"{_NAMES}test_a_name_has_one_look_up_for_all_its_ports",
    ),
    Breakage(
        name="a-host-that-was-not-looked-up-has-failed",
        promise=3,
        file="tasks/callbacks/sending.py",
        old="SendResult(str(error), untried=True)",
        new="SendResult(str(error), hurts=True)",
        test=f"{_NAMES}test_without_a_free_thread_a_callback_is_not_tried",
    ),
    Breakage(
        name="a-callback-that-was-not-tried-has-failed",
        promise=3,
        file="tasks/callbacks/deliver.py",
        old="        if came_of.untried:\n",
        new="        if came_of.untried and came_of.hurts:\n",
        test=f"{_AT_ONCE}test_a_callback_that_was_not_tried_is_put_off",
    ),
    _callbacks(
        promise=1,
        name="410s-hold-their-callback-when-they-want-their-key",
        old="    _lock_booking(conn, callback)\n    gone =",
        new="    _lock_booking(conn, callback)\n"
        "    conn.execute(select(_columns.id).where(_columns.id == callback.id).with_for_update())\n    gone =",
        test=f"{_AT_ONCE}test_410s_at_the_same_moment_wait_for_each_other",
    ),
    _callbacks(
        promise=1,
        name="a-failure-holds-its-host-when-it-wants-its-booking",
        old="    if retry_in is None:\n        _lock_booking(conn, callback)\n",
        new="    _hurt(conn, callback)\n    if retry_in is None:\n        _lock_booking(conn, callback)\n",
        test=f"{_AT_ONCE}test_a_failure_and_an_order_to_send_again_wait_for_each_other[given-up]",
    ),
    _claim_sql(
        name="what-is-due-is-locked-in-any-order",
        old="    ORDER BY callback.id\n",
        new="    ORDER BY callback.next_at\n",
        test=f"{_AT_ONCE}test_what_is_due_is_locked_in_the_order_of_all",
    ),
    _callbacks(
        promise=1,
        name="a-410-of-a-bookings-own-address-ends-others",
        old="whose = _columns.api_key_id == callback.api_key_id if of_key else booking",
        new="whose = _columns.api_key_id == callback.api_key_id",
        test=f"{_AT_ONCE}test_a_410_at_a_bookings_own_address_ends_its_callbacks_alone",
    ),
    _address(
        name="a-callback-goes-to-a-private-address",
        old="    return address.is_global and not",
        new="    return not",
        test=f"{_ADDRESSES}test_an_address_that_is_not_public_is_refused[10.1.2.3]",
    ),
    _address(
        name="a-callback-goes-to-ipv4-within-ipv6",
        old="if isinstance(address, IPv6Address) and address not in _UNICAST_6:",
        new="if False:",
        test=f"{_ADDRESSES}test_an_address_that_is_not_public_is_refused[fec0:0:0:0:0:0:0:1]",
    ),
    _address(
        name="a-callback-goes-by-6to4",
        old="    if any(address in network for network in _SPECIAL):\n        return False\n",
        new="",
        test=f"{_ADDRESSES}test_an_address_that_is_not_public_is_refused[192.0.0.8]",
    ),
    _address(
        name="a-callback-goes-to-a-relay-of-6to4",
        old='            "192.88.99.0/24",  # relays of 6to4\n',
        new="",
        test=f"{_ADDRESSES}test_what_another_library_refuses_is_refused_here[192.88.99.0/24]",
    ),
    _address(
        name="a-name-with-one-public-address-is-enough",
        old="if not all(is_allowed(",
        new="if not any(is_allowed(",
        test=f"{_ADDRESSES}test_one_address_of_ours_among_public_ones_is_enough_to_refuse",
    ),
    _address(
        name="an-address-is-not-checked-when-it-is-called",
        old='            raise ForbiddenAddressError("the address is not public")\n',
        new="            pass\n",
        test=f"{_ADDRESSES}test_a_name_that_is_public_first_and_loopback_next_gains_nothing",
    ),
    _address(
        name="a-callback-goes-by-http",
        old="usual = not self._is_plain and port in PORTS",
        new="usual = port in PORTS or self._is_plain",
        test=f"{_ADDRESSES}test_http_leads_to_networks_of_ours_alone",
    ),
    _signing(
        name="a-callback-is-signed-with-the-secret-of-all",
        old='    info = f"key {key_id} version {version}"\n',
        new='    info = f"key {min(key_id, 0)} version {version}"\n',
        test=f"{_SENT}test_each_key_and_each_renewal_has_a_secret_of_its_own",
    ),
    _signing(
        name="a-callback-is-signed-without-its-body",
        old="Webhook(secret).sign(name, at, body)",
        new='Webhook(secret).sign(name, at, "")',
        test=f"{_SENT}test_callbacks_are_signed_and_in_order",
    ),
    _outbox(
        name="a-callback-overtakes-the-one-before-it",
        old="""            WHERE appointment_id = booking.id AND delivered_at IS NULL AND given_up_at IS NULL
        ) THEN now() END,""",
        new="            WHERE false\n        ) THEN now() END,",
        test=f"{_SENT}test_the_second_waits_while_the_first_is_refused",
    ),
    _outbox(
        name="an-end-is-not-told",
        old="WHEN NEW.status IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled')",
        new="WHEN NEW.status IN ('confirmed', 'rejected', 'failed', 'cancelled')",
        test=f"{_WRITTEN}test_each_end_of_a_booking_is_a_callback[expired-changes3]",
    ),
    _outbox(
        name="what-was-told-wrongly-stays",
        old="        'corrects', CASE WHEN last IN",
        new="        'corrects', CASE WHEN false AND last IN",
        test=f"{_WRITTEN}test_what_was_told_wrongly_is_corrected",
    ),
    _claim_sql(
        name="a-callback-whose-worker-died-is-lost",
        old="next_at = now() + make_interval(secs => :lease_seconds)",
        new="next_at = now() + make_interval(days => 100, secs => :lease_seconds)",
        test=f"{_SENT}test_a_claim_ends_with_its_lease",
    ),
    _callbacks(
        promise=3,
        name="a-receiver-has-any-number-of-callbacks-at-once",
        old="AT_ONCE = 4",
        new="AT_ONCE = 400",
        test=f"{_SENT}test_a_receiver_that_hangs_delays_no_other_one",
    ),
    _callbacks(
        promise=3,
        name="a-receiver-that-fails-does-not-rest",
        old="THRESHOLD = 5",
        new="THRESHOLD = 5000",
        test=f"{_SENT}test_a_receiver_that_fails_five_times_rests",
    ),
    _callbacks(
        promise=3,
        name="a-dead-receiver-makes-its-host-rest",
        old="was_well, pause = int(failures == 1),",
        new="was_well, pause = 1,",
        test=f"{_NEIGHBOURS}test_a_receiver_delays_no_other_one_at_its_host[dead]",
    ),
    _claim_sql(
        promise=3,
        name="a-receiver-that-hangs-has-all-places-of-its-host",
        old="CASE WHEN is_tried THEN 1 ELSE :at_host END\n",
        new="CASE WHEN is_tried THEN 1 ELSE :at_once END\n",
        test=f"{_NEIGHBOURS}test_a_receiver_delays_no_other_one_at_its_host[hanging]",
    ),
    _claim_sql(
        promise=3,
        name="receivers-share-their-hosts-first-places",
        old="CASE WHEN is_tried THEN 1 ELSE :at_once END - under_way AS places,",
        new=":at_once - sum(under_way) OVER (PARTITION BY host) AS places,",
        test=f"{_NEIGHBOURS}test_a_receiver_delays_no_other_one_at_its_host[hanging]",
    ),
    _claim_sql(
        promise=3,
        name="the-oldest-callbacks-have-the-places-of-a-host",
        old="under_way + one.turn, one.next_at",
        new="one.next_at",
        test=f"{_NEIGHBOURS}test_places_of_a_host_go_round_its_receivers",
    ),
    _claim_sql(
        promise=3,
        name="all-receivers-that-fail-are-tried-at-once",
        old="CASE WHEN is_tried THEN 1 ELSE :at_host END\n",
        new="CASE WHEN is_tried THEN 100 ELSE :at_host END\n",
        test=f"{_NEIGHBOURS}test_of_the_receivers_that_fail_one_is_tried_at_a_time",
    ),
    _callbacks(
        promise=3,
        name="receivers-that-fail-are-tried-without-a-pause",
        old="_in(PAUSE) if failures >= THRESHOLD else None",
        new="None",
        test=f"{_NEIGHBOURS}test_of_the_receivers_that_fail_one_is_tried_at_a_time",
    ),
    _callbacks(
        promise=3,
        name="receivers-dead-for-long-make-their-host-rest",
        old='failures=was_well, rests_until=pause)\n    changed = {"failures": count,',
        new='failures=1, rests_until=pause)\n    changed = {"failures": count - was_well + 1,',
        test=f"{_NEIGHBOURS}test_receivers_dead_for_long_say_nothing_of_their_host",
    ),
    _callbacks(
        promise=3,
        name="a-dead-host-is-tried-for-each-receiver",
        old="count = callback_hosts.c.failures + was_well",
        new="count = callback_hosts.c.failures",
        test=f"{_NEIGHBOURS}test_a_dead_host_is_tried_by_one_callback_at_a_time",
    ),
    _claim_sql(
        promise=3,
        name="a-dead-host-is-tried-by-the-longest-dead",
        old="ORDER BY rests_until NULLS FIRST,",
        new="ORDER BY rests_until NULLS LAST,",
        test=f"{_NEIGHBOURS}test_a_dead_host_is_tried_by_one_callback_at_a_time",
    ),
    _callbacks(
        promise=1,
        name="what-was-given-up-is-sent-again-in-no-order",
        old="due = case((is_first, func.now()), else_=None)",
        new="due = func.now()",
        test=f"{_ORDER}test_what_was_given_up_is_sent_again_in_order",
    ),
    _callbacks(
        promise=1,
        name="the-last-that-was-given-up-is-sent-first",
        old="select(func.min(_columns.sequence)",
        new="select(func.max(_columns.sequence)",
        test=f"{_ORDER}test_what_was_given_up_is_sent_again_in_order",
    ),
    _callbacks(
        promise=1,
        name="a-410-ends-the-callbacks-of-other-keys",
        old="whose = _columns.api_key_id == callback.api_key_id if of_key else booking",
        new="whose = true() if of_key else booking",
        test=f"{_ORDER}test_a_410_ends_the_callbacks_of_its_key_alone",
    ),
    _callbacks(
        promise=1,
        name="a-410-switches-other-keys-off",
        old="api_keys.c.id == callback.api_key_id, api_keys.c.callback_url",
        new="api_keys.c.callback_url",
        test=f"{_ORDER}test_a_410_ends_the_callbacks_of_its_key_alone",
    ),
    Breakage(
        name="the-third-overtakes-the-second",
        promise=1,
        file="db/sql/callback_over.sql",
        old="ORDER BY one.sequence\n",
        new="ORDER BY one.sequence DESC\n",
        test=f"{_ORDER}test_three_go_one_after_the_other_whether_taken_or_given_up",
    ),
    _outbox(
        name="a-change-that-is-refused-is-not-told",
        old="WHEN (NEW.status IN ('refused', 'failed', 'expired')",
        new="WHEN (NEW.status IN ('failed', 'expired')",
        test=f"{_CHANGES}test_a_change_that_is_not_done_is_a_callback",
    ),
    _outbox(
        name="a-refused-change-says-that-a-cancelled-booking-stands",
        old="DEFERRABLE INITIALLY DEFERRED\n",
        new="",
        test=f"{_CHANGES}test_no_refused_change_says_that_a_cancelled_booking_stands",
    ),
    Breakage(
        name="the-sweeper-ends-a-change-of-a-locked-booking",
        promise=1,
        file="db/sql/change_expire.sql",
        old="    FOR NO KEY UPDATE OF booking, change SKIP LOCKED",
        new="    FOR NO KEY UPDATE OF change SKIP LOCKED",
        test=f"{_CHANGES}test_the_sweeper_waits_for_no_booking_whose_change_it_ends",
    ),
    _address(
        name="a-request-names-any-host-for-its-callbacks",
        old="if urlsplit(checked).hostname not in hosts:",
        new="if False:",
        test=f"{_CHANGES}test_a_request_names_no_other_host_than_its_key_may",
    ),
    _callbacks(
        promise=1,
        name="a-restored-callback-has-the-id-of-another",
        old="_{int(self.created_at.timestamp() * 1_000_000):x}",
        new="",
        test=f"{_ORDER}test_a_restored_database_gives_no_callback_the_id_of_another",
    ),
    Breakage(
        name="a-key-is-made-without-its-callbacks",
        promise=1,
        file="tasks/callers/keys.py",
        old="        if callback_url is not None:\n            keys.set_callback(conn, name, callback_url)\n",
        new="",
        test=f"{_KEYS}test_a_key_is_made_with_the_address_of_its_callbacks",
    ),
    _listed(
        name="the-list-of-keys-shows-a-receivers-address",
        promise=7,
        old='host = urlsplit(key.callback_url or "").hostname',
        new="host = key.callback_url",
        test=f"{_KEYS}test_a_key_is_made_with_the_address_of_its_callbacks",
    ),
    _listed(
        name="a-receiver-that-wants-nothing-is-not-told-of",
        promise=6,
        old="    if key.callback_off_at is None:\n",
        new="    if key:\n",
        test=f"{_KEYS}test_the_list_says_that_a_receiver_has_switched_its_callbacks_off",
    ),
    _check(
        name="a-callback-host-at-a-private-address-is-well",
        promise=6,
        old="        except ForbiddenAddressError as error:\n            return str(error)\n",
        new="        except ForbiddenAddressError:\n            return None\n",
        test=f"{_CHECK}test_a_host_that_cannot_be_reached_is_named_with_its_keys",
    ),
    _check(
        name="a-callback-host-that-is-away-is-well",
        promise=6,
        old="            yield False, f",
        new="            yield True, f",
        test=f"{_CHECK}test_a_host_that_cannot_be_reached_is_named_with_its_keys",
    ),
    _check(
        name="hosts-of-callbacks-are-waited-for-without-end",
        promise=6,
        old="    wait(tried.values(), ALL_WITHIN)\n",
        new="    wait(tried.values())\n",
        test=f"{_CHECK}test_hosts_that_never_answer_are_given_up_together",
    ),
    _samples(
        name="samples-of-callbacks-have-no-bound",
        old="AT_ONCE = 2 ",
        new="AT_ONCE = 9 ",
        test="tests/unit/api/test_callback_samples.py::test_two_samples_are_sent_at_once",
    ),
    _samples(
        name="a-key-asks-for-samples-without-end",
        old='f"sample:{key.id}", A_MINUTE)',
        new='f"sample:{key.id}", A_MINUTE * 100)',
        test=f"{_SAMPLE}test_six_samples_a_minute_are_sent",
    ),
    Breakage(
        name="a-sample-goes-to-an-address-that-is-off",
        promise=6,
        file="worker/api/callbacks/resource.py",
        old="key.callback_url is None or key.callback_off_at is not None",
        new="key.callback_url is None",
        test=f"{_SAMPLE}test_without_an_address_or_a_right_there_is_none",
    ),
    Breakage(
        name="a-key-reads-the-events-of-all-keys",
        promise=7,
        file="db/sql/callback_events.sql",
        old="written.api_key_id = CAST(:api_key AS bigint)",
        new="written.api_key_id >= least(0, CAST(:api_key AS bigint))",
        test=f"{_EVENTS}test_a_key_reads_its_own_events_alone",
    ),
    Breakage(
        name="an-event-that-commits-late-is-passed-by",
        promise=6,
        file="db/callback_events.py",
        old="str(Place(place.since, until, int(xid), number))",
        new="cut(until, int(until.split(':')[1]))",
        test=f"{_EVENTS}test_pages_have_each_event_once",
    ),
    Breakage(
        name="a-cursor-of-numbers-that-are-none-is-asked-for",
        promise=6,
        file="client/booking_client/cursors.py",
        old="0 < low <= high and",
        new="0 < low and",
        test="tests/unit/request/test_wrong_calls.py::test_a_cursor_that_is_none_is_refused[5:3:]",
    ),
    _dispatcher(
        name="callbacks-wait-for-the-tick",
        promise=6,
        old="            due.send_next()\n",
        new="            pass\n",
        test=f"{_SOON}test_each_goes_without_a_tick",
    ),
    _dispatcher(
        name="callbacks-that-wait-are-claimed-each-time",
        promise=6,
        old="if (newest := callbacks.newest(self._conn)) != self._newest:",
        new="if newest := callbacks.newest(self._conn):",
        test=f"{_SOON}test_nothing_is_claimed_while_none_comes",
    ),
)
