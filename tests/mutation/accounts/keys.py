"""The right key: guards of what calls for which account, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_KEY = "tests/integration/accounts/test_right_key.py::"
_DONE = "tests/integration/accounts/test_account_operations.py::"
_ROWS = "tests/integration/appointments/test_db_accounts.py::"
_CIPHER = "tests/unit/tasks/test_account_keys.py::"
_CLIENT = "tests/integration/booking_client/test_client_accounts.py::"
_schema = partial(Breakage, promise=2, file="db/migrations/initial/bookings.sql")
_door = partial(Breakage, promise=2, file="tasks/accounts/door.py")
_cipher = partial(Breakage, promise=7, file="tasks/accounts/keys.py")
_attempt = partial(Breakage, promise=2, file="tasks/attempts/attempt.py")
_operations = partial(Breakage, promise=2, file="tasks/operations/accounts/__init__.py")
_exchange = partial(Breakage, promise=3, file="tasks/calcom/http/exchange.py")

ACCOUNT_KEYS = (
    _schema(
        name="an-old-worker-claims-another-accounts-row",
        old="account_id = 1 OR status <> 'booking' OR",
        new="true OR",
        test=f"{_ROWS}test_a_claim_of_a_worker_that_knows_no_accounts_is_refused",
    ),
    Breakage(
        name="claims-as-an-old-worker-does",
        promise=1,
        file="db/sql/claim.sql",
        old="PLACING '8' FROM 15",
        new="PLACING '4' FROM 15",
        test=f"{_ROWS}test_a_claim_brings_the_state_of_the_account",
    ),
    _schema(
        name="a-row-of-a-closed-account",
        old="id = NEW.account_id AND state <> 'closed' FOR KEY SHARE",
        new="id = NEW.account_id FOR KEY SHARE",
        test=f"{_ROWS}test_the_table_refuses_an_account_that_is_not_open",
    ),
    _schema(
        name="closed-while-a-booking-is-written",
        old="state <> 'closed' FOR KEY SHARE",
        new="state <> 'closed'",
        test=f"{_ROWS}test_an_account_is_not_closed_while_a_booking_is_written",
    ),
    _schema(
        name="a-booking-changes-its-account",
        old="FOR EACH ROW WHEN (NEW.account_id <> OLD.account_id)",
        new="FOR EACH ROW WHEN (false)",
        test=f"{_ROWS}test_a_booking_stays_with_its_account",
    ),
    Breakage(
        name="a-bulk-kept-in-part",
        promise=1,
        file="client/booking_client/asking.py",
        old="if len(requests) > FIRST_PART else set()",
        new="if False else set()",
        test=f"{_CLIENT}test_an_account_that_is_not_open_is_an_error[parts]",
    ),
    Breakage(
        name="posts-with-the-settings-key",
        promise=2,
        file="tasks/work/claim.py",
        old="deps = deps.for_claim(got.row.account_id, got.account, got.version)",
        new="deps.for_claim(got.row.account_id, got.account, got.version)",
        test=f"{_KEY}test_each_account_books_with_its_own_key",
    ),
    _attempt(
        name="an-attempt-changes-its-key",
        old="    reports: list[Report] = []\n",
        new="    claim.deps = claim.deps.for_account(claim.row.account_id)\n    reports: list[Report] = []\n",
        test=f"{_KEY}test_an_attempt_keeps_the_key_of_its_claim",
    ),
    _door(
        name="a-rotated-key-is-used-on",
        old="if known is not None and known.version == version else",
        new="if known is not None else",
        test=f"{_KEY}test_an_attempt_keeps_the_key_of_its_claim",
    ),
    _door(
        name="each-claim-reads-the-key",
        old="if known is not None and known.version == version else",
        new="if known is not None and known.version > version else",
        test=f"{_KEY}test_a_version_that_is_known_costs_no_statement",
    ),
    _door(
        name="a-pause-is-held-as-a-refused-key",
        old="    if state is AccountState.PAUSED:\n",
        new="    if state is AccountState.CLOSED:\n",
        test=f"{_KEY}test_the_account_of_the_settings_may_be_paused",
    ),
    Breakage(
        name="rechecked-while-paused",
        promise=2,
        file="tasks/guarded_calls/recheck.py",
        old="        deps = deps.for_account(row.account_id)\n",
        new="",
        test=f"{_KEY}test_a_paused_account_is_called_for_nothing",
    ),
    Breakage(
        name="a-suspect-is-looked-for-while-paused",
        promise=2,
        file="tasks/maintenance/late_lookups.py",
        old="_look_up(built.for_account(row.account_id), row)",
        new="_look_up(built, row)",
        test=f"{_KEY}test_a_paused_account_is_called_for_nothing",
    ),
    _attempt(
        name="a-pause-keeps-the-place",
        old="        if has_place:\n            claim.give_back(inquiry.calls.answered_at)",
        new="        if False:\n            claim.give_back(inquiry.calls.answered_at)",
        test=f"{_KEY}test_a_pause_gives_the_place_in_the_window_back",
    ),
    Breakage(
        name="released-while-paused",
        promise=3,
        file="db/sql/release_due.sql",
        old="own.id = :account AND own.state = 'active'",
        new="own.id = :account",
        test=f"{_ROWS}test_what_a_pause_has_held_goes_once_its_account_is_active",
    ),
    _cipher(
        name="a-key-opens-in-another-row",
        old="        if content != row:\n",
        new="        if content is None:\n",
        test=f"{_DONE}test_a_key_in_another_accounts_row_opens_nothing",
    ),
    _cipher(
        name="the-cipher-is-loaded-at-once",
        old="from functools import cached_property\n",
        new="from functools import cached_property\nimport cryptography.fernet\n",
        test=f"{_CIPHER}test_the_library_is_loaded_when_a_key_is_opened",
    ),
    _door(
        name="one-key-at-two-cal-coms-is-one",
        old="        client.key_fingerprint = fingerprint(service_of(base_url), key.get_secret_value())\n",
        new="",
        test=f"{_KEY}test_a_second_cal_com_has_its_own_connections_and_fingerprints",
    ),
    _exchange(
        name="a-thread-keeps-every-connection",
        old="if len(pools) > SERVERS:",
        new="if False:",
        test="tests/integration/client/test_client_keys.py::test_a_thread_keeps_connections_to_the_servers_it_called_last",
    ),
    _operations(
        name="rotated-to-another-user",
        old="not in {None, me.user_id} and not other_user",
        new="is None",
        test=f"{_DONE}test_a_key_is_rotated_for_the_same_user",
    ),
    _operations(
        name="an-offered-key-blocks-the-settings",
        promise=5,
        old="        return CallOutcome.IGNORED\n",
        new="        return super()._outcome(permit, reply)\n",
        test=f"{_DONE}test_what_cannot_be_an_account_is_refused",
    ),
)
