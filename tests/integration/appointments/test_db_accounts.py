"""The account of a row: only an open one, for ever the same, and claimed by workers that know of accounts alone."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db import appointments
from db.lifecycle import HoldReason, Status
from db.models.accounts import AccountState
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tests.support.accounts.making import make_account

OLD_CLAIM = """
UPDATE appointments SET status = 'booking', claim_token = gen_random_uuid(), lease_expires_at = now() + interval '50 s'
WHERE id = :id
"""
OLD_INSERT = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone
)
VALUES (
    :key, false, 'hash', 'correlation', :task, 101, now() + interval '9 days', 'Ann Example', 'ann@example.com', 'UTC'
)
ON CONFLICT DO NOTHING
RETURNING id, account_id
"""

INSERT_BY_NUMBER = OLD_INSERT.replace("'UTC'\n)", "'UTC', :account\n)").replace(
    "time_zone\n)", "time_zone, account_id\n)"
)


@pytest.fixture(scope="module")
def salon(shared: Any) -> tuple[int, str]:
    """Another account than `default`."""
    return make_account(shared.engine)


def test_a_row_is_of_the_account_that_its_request_names(shared: Any, salon: tuple[int, str]) -> None:
    """Without a name of account 1."""
    assert shared.keep().account_id == 1
    assert shared.keep(account=salon[1]).account_id == salon[0]


@pytest.mark.parametrize("name", ["nobody", "closed"])
def test_a_batch_with_an_account_that_is_not_open_keeps_nothing(shared: Any, name: str) -> None:
    """The INSERT itself looks."""
    if name == "closed":
        _, name = make_account(shared.engine, AccountState.CLOSED)
    asked = [shared.new(), shared.new(account=name)]

    with pytest.raises(DBAPIError, match=f"no open account {name}") as refused, shared.engine.begin() as conn:
        appointments.insert(conn, asked)

    assert refused.value.orig.sqlstate == "UA001"
    with shared.engine.connect() as conn:
        assert [appointments.find(conn, one.idempotency_key) for one in asked] == [None, None]


def test_the_table_refuses_an_account_that_is_not_open(shared: Any) -> None:
    """Any statement, by the account's number."""
    closed, _ = make_account(shared.engine, AccountState.CLOSED)
    for number in (closed, 0, 99_999):
        with pytest.raises(DBAPIError, match=f"no open account {number}"), shared.engine.begin() as conn:
            conn.execute(text(INSERT_BY_NUMBER), {"key": str(number), "task": str(uuid4()), "account": number})


def test_a_booking_stays_with_its_account(shared: Any, salon: tuple[int, str]) -> None:
    """No statement moves it."""
    row = shared.keep()

    with pytest.raises(IntegrityError, match="stays with its account"):
        shared.write(row.id, account_id=salon[0])


def test_an_account_is_not_closed_while_a_booking_is_written(shared: Any) -> None:
    """`close` waits for the transaction, and then sees its row."""
    _, name = make_account(shared.engine)
    wait = text("SELECT FROM calcom_accounts WHERE name = :name FOR UPDATE NOWAIT")

    with shared.engine.connect() as asking, shared.engine.connect() as closing:
        appointments.insert(asking, [shared.new(account=name)])
        with pytest.raises(DBAPIError, match="could not obtain lock"):
            closing.execute(wait, {"name": name})


def test_a_claim_of_a_worker_that_knows_no_accounts_is_refused(shared: Any, salon: tuple[int, str]) -> None:
    """Its token is of version 4; account 1's rows it claims as before."""
    own, other = shared.keep(), shared.keep(account=salon[1])

    with shared.engine.begin() as conn:
        assert conn.execute(text(OLD_CLAIM), {"id": own.id}).rowcount == 1
    with pytest.raises(IntegrityError, match="claimed_for_its_account"), shared.engine.begin() as conn:
        conn.execute(text(OLD_CLAIM), {"id": other.id})
    assert shared.read(other.id).status is Status.PENDING


def test_a_claim_brings_the_state_of_the_account(shared: Any, salon: tuple[int, str]) -> None:
    """And the version of that state, in its own statement; its token is a UUID of version 8."""
    assert shared.claimed().claim_token.version == 8
    rows = shared.keep(), shared.keep(account=salon[1])
    with shared.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET state = 'paused', version = 7 WHERE id = :id"), {"id": salon[0]})
    claims = []
    for row in rows:
        with shared.engine.begin() as conn:
            claims.append(appointments.claim(conn, row.id, lease_seconds=50))
    with shared.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET state = 'active' WHERE id = :id"), {"id": salon[0]})

    assert [(one.account, one.version) for one in claims] == [(AccountState.ACTIVE, 1), (AccountState.PAUSED, 7)]
    assert [one.row.claim_token.version for one in claims] == [8, 8]
    assert isinstance(claims[0].row.claim_token, UUID)


def test_callers_of_before_write_rows_of_account_1(shared: Any, salon: tuple[int, str]) -> None:
    """Their statement knows of no account; another account's row with the same key is none of theirs."""
    shared.keep(idempotency_key="old", account=salon[1])

    with shared.engine.begin() as conn:
        written = [conn.execute(text(OLD_INSERT), {"key": "old", "task": str(uuid4())}).all() for _ in range(2)]

    assert [len(rows) for rows in written] == [1, 0]
    assert written[0][0].account_id == 1


def test_what_a_pause_has_held_goes_once_its_account_is_active(shared: Any) -> None:
    """Sixteen of an account at once, in the order of the line; about unknown outcomes Cal.com can be asked again."""
    number, name = make_account(shared.engine, AccountState.PAUSED)
    rows = [shared.claim(shared.keep(account=name).id) for _ in range(18)]
    for row in rows:
        assert shared.move(row, Status.HELD, hold_reason=HoldReason.PAUSED, outcome_unknown=True, **_unknown())

    def release() -> list[int]:
        released = shared.sweep(queue_sweeps.release_due, BOOKINGS, key="k", settings="s", limit=100, account=number)
        return [row.id for row in released]

    assert release() == []
    with shared.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET state = 'active' WHERE id = :id"), {"id": number})
    assert release() == [row.id for row in rows[:16]]
    assert shared.read(rows[0].id).askable_since is not None
    assert release() == [row.id for row in rows[16:]]


def _unknown() -> dict[str, Any]:
    moment = appointments.FromNow(0)
    return {"sent_at": moment, "settle_at": moment}
