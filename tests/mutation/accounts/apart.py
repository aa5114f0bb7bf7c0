"""The account in each search: without it another account's row is found."""

from functools import partial

from tests.mutation.breakage import Breakage

_APART = "tests/integration/appointments/test_db_accounts_apart.py::"
_PENDING, _ENDED = (
    "('pending', 'booking', 'retrying', 'held', 'confirmed')",
    "('rejected', 'failed', 'expired', 'cancelled')",
)
_OF_ONE = "coalesce(CAST(:account AS integer), account_id)"
_insertion = partial(Breakage, promise=1, file="client/booking_client/insertion.py")
_by_key = partial(Breakage, promise=1, file="client/booking_client/sql/find_by_key.sql")
_search = partial(Breakage, promise=6, file="db/sql/search.sql")
_others = partial(Breakage, promise=2, file="db/appointments/others.py")
_audited = partial(Breakage, promise=2, file="db/audits/bookings.py")
_types = partial(Breakage, promise=5, file="db/sql/known_type.sql")
_confirmed_types = partial(Breakage, promise=5, file="db/sql/confirmed_types.sql")
_release_due = partial(Breakage, promise=5, file="db/sql/release_due.sql")
_waiting_call = partial(Breakage, promise=5, file="db/sql/waiting_for_a_call.sql")
_FOUND = f"{_APART}test_a_search_finds_the_row_of_its_account_alone"

APART = (
    Breakage(
        name="a-key-is-known-in-every-account",
        promise=1,
        file="db/migrations/initial/booking_indexes.sql",
        old="(idempotency_key, account_id) WHERE NOT key_derived",
        new="(idempotency_key) WHERE NOT key_derived",
        test="tests/integration/appointments/test_db_accounts.py::test_callers_of_before_write_rows_of_account_1",
    ),
    _insertion(
        name="an-answer-of-another-account",
        old="return row.account, row.key_derived, row.idempotency_key",
        new="return None, row.key_derived, row.idempotency_key",
        test=f"{_APART}test_a_key_is_known_in_its_account_alone[True]",
    ),
    _insertion(
        name="another-accounts-cancel-taken-back",
        old="if key in wanted}",
        new="if key}",
        test=f"{_APART}test_a_known_request_takes_back_no_other_accounts_cancel",
    ),
    *(
        _by_key(
            name=f"find-{what}-key-of-another-account",
            old=f"account_id = (SELECT account_id FROM asked){more}",  # noqa: S608 - a part of a file
            new=f"true{more}",
            test=f"{_FOUND}[find {case}]",
        )
        for what, more, case in (
            ("given", " AND NOT key_derived", "a given key"),
            ("derived", f"\n        AND key_derived AND status IN {_PENDING}", "a derived key"),
            ("ended", f"\n        AND key_derived AND status IN {_ENDED}", "an ended key"),
        )
    ),
    *(
        _search(
            name=f"search-{what}-of-another-account",
            old=f"{before}account_id = {_OF_ONE}{after}",
            new=f"{before}true{after}",
            test=f"{_FOUND}[search {case}]",
        )
        for what, before, after, case in (
            ("id", "WHERE id = CAST(:id AS bigint) AND ", "", "a given key"),
            ("uuid", "WHERE uuid = CAST(:uuid AS uuid) AND ", "", "a given key"),
            ("given-key", "", "\n        AND NOT key_derived", "a given key"),
            ("derived-key", "", f"\n        AND key_derived AND status IN {_PENDING}", "a derived key"),
            ("ended-key", "", f"\n        AND key_derived AND status IN {_ENDED}", "an ended key"),
            ("uid", "WHERE calcom_booking_uid = :text AND ", "", "a given key"),
            ("correlation", "WHERE correlation_id = :text AND ", "", "a given key"),
        )
    ),
    _others(
        name="booked-before-by-another-account",
        old="_COLUMNS.uuid == reference, _COLUMNS.account_id == row.account_id",
        new="(_COLUMNS.uuid == reference,)",
        test=f"{_APART}test_another_accounts_booking_is_not_what_was_booked_before",
    ),
    _others(
        name="seated-before-by-another-account",
        old="own = _COLUMNS.account_id == row.account_id",
        new="own = _COLUMNS.account_id > 0",
        test=f"{_APART}test_another_accounts_booking_is_not_what_was_booked_before",
    ),
    _audited(
        name="audit-reads-every-account",
        old=".where(which, by < end, _COLUMNS.account_id == account)",
        new=".where(which, by < end, _COLUMNS.account_id > 0)",
        test=f"{_FOUND}[confirmed]",
    ),
    _audited(
        name="audit-reads-what-every-account-holds",
        old="        _COLUMNS.account_id == account,\n",
        new="",
        test=f"{_FOUND}[held]",
    ),
    _audited(
        name="another-accounts-reference-is-ours",
        old="_COLUMNS.uuid.in_(uuids[first : first + _BATCH]), _COLUMNS.account_id == account",
        new="(_COLUMNS.uuid.in_(uuids[first : first + _BATCH]),)",
        test=f"{_FOUND}[references]",
    ),
    Breakage(
        name="another-accounts-double-is-ours",
        promise=2,
        file="db/audits/doubles.py",
        old="            _COLUMNS.account_id == account,\n",
        new="",
        test=f"{_FOUND}[cancels of doubles]",
    ),
    _types(
        name="a-type-that-another-accounts-key-read",
        old="event_type = :event_type AND account_id = :account AND (",
        new="event_type = :event_type AND (",
        test=f"{_APART}test_a_type_of_another_account_was_never_here",
    ),
    _types(
        name="a-type-that-another-account-booked",
        old="            AND account_id = :account\n",
        new="",
        test=f"{_APART}test_a_type_of_another_account_was_never_here",
    ),
    *(
        _confirmed_types(
            name=f"confirmed-types-of-every-account-{place}",
            old=old,
            new=new,
            test=f"{_APART}test_a_type_of_another_account_was_never_here",
        )
        for place, old, new in (
            (
                "first",
                "WHERE status = 'confirmed' AND CASE WHEN account_id = :account THEN true ELSE false END",
                "WHERE status = 'confirmed'",
            ),
            ("next", "            AND CASE WHEN account_id = :account THEN true ELSE false END\n", ""),
        )
    ),
    Breakage(
        name="a-type-that-changed-for-another-account",
        promise=2,
        file="db/appointments/event_types.py",
        old="of_type.where(others.c.account_id == account)",
        new="of_type",
        test=f"{_APART}test_a_type_that_changed_for_another_account_is_as_it_was",
    ),
    *(
        _release_due(
            name=f"released-by-another-accounts-{what}",
            old=f"AND account_id = :account{after}",
            new=after.lstrip(" "),
            test=f"{_FOUND}[released {case}]",
        )
        for what, after, case in (
            ("lower-settings", " AND held_for < :settings", "configuration-aaa"),
            ("higher-settings", " AND held_for > :settings", "configuration-zzz"),
            ("settings-that-work", "\n        AND held_for = :settings AND :settings_work", "configuration-set"),
            ("key-that-works", "\n        AND held_for = :key AND :key_works", "credentials-key"),
            ("lower-key", " AND held_for < :key", "credentials-aaa"),
            ("higher-key", " AND held_for > :key", "credentials-zzz"),
        )
    ),
    _release_due(
        name="released-by-another-accounts-sight",
        old="        AND blind.account_id = :account\n",
        new="",
        test=f"{_FOUND}[released blind_key-key]",
    ),
    *(
        _waiting_call(
            name=f"another-accounts-{what}-waits-for-our-call",
            old=f"held_for = :{what} AND account_id = :account",
            new=f"held_for = :{what}",
            test=f"{_APART}test_only_an_accounts_own_bookings_wait_for_its_call",
        )
        for what in ("key", "settings")
    ),
    Breakage(
        name="another-accounts-booking-goes-first",
        promise=5,
        file="db/sql/first_to_try.sql",
        old=" AND account_id = :account",
        new="",
        test=f"{_FOUND}[first to try]",
    ),
    Breakage(
        name="another-accounts-missing-type-is-looked-for",
        promise=5,
        file="db/sql/missing_type.sql",
        old=" AND account_id = :account\n",
        new="\n",
        test=f"{_FOUND}[missing type]",
    ),
    Breakage(
        name="a-found-type-lets-another-account-go",
        promise=5,
        file="db/sql/of_missing_type.sql",
        old=" AND account_id = :account",
        new="",
        test=f"{_FOUND}[missing type]",
    ),
    Breakage(
        name="another-accounts-type-fails-ours",
        promise=4,
        file="db/sql/waiting.sql",
        old="            AND account_id = own.account_id\n    ),\n    failing",
        new="    ),\n    failing",
        test=f"{_APART}test_a_failing_type_of_another_account_puts_nobody_back",
    ),
    Breakage(
        name="a-restored-booking-for-another-account",
        promise=2,
        file="db/migrations/initial/audits.sql",
        old="asked.id = wanted AND asked.account_id = found.account_id",
        new="asked.id = wanted",
        test=f"{_APART}test_a_restored_booking_is_taken_by_its_account",
    ),
)
