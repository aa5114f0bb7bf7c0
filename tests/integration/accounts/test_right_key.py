"""A booking is called for with its account's key alone: the key of its claim, whatever becomes of the account then."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, text

from db.accounts import Account
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.attempts.attempt import attempt
from tasks.calcom.access import CREATE
from tasks.guarded_calls.recheck import Standing, still_booked
from tasks.incidents.check import check
from tasks.maintenance.late_lookups import look_again
from tasks.maintenance.release import release_held
from tasks.operations import accounts as operations
from tasks.work.claim import claim
from tests.integration.accounts.conftest import NEXT, OTHERS, THEIRS, add, asked
from tests.support.fleet import request, row
from tests.support.stepping import accept, book, carry, let_pass, lose, state, write
from worker.wiring import build

OURS = "cal_test_owner"
Keys = Callable[[], list[str]]


def ask(number: int, account: str | None = "salon-7", **more: Any) -> int:
    """Accept one request for an account."""
    return accept(request(number, account=account, **more))[0]


def rotate(key: str, *, other_user: bool = False) -> Account:
    """Store another key of the account."""
    return operations.rotate(dependencies.current(), "salon-7", SecretStr(key), asked(), other_user=other_user)


@pytest.mark.usefixtures("salon")
def test_each_account_books_with_its_own_key(keys: Keys) -> None:
    """`default` with that of the settings."""
    keys()
    booked = [carry(ask(1)), carry(ask(2, None)), carry(ask(3, "default")), carry(ask(4))]

    assert {one.status for one in booked} == {Status.CONFIRMED}
    assert keys() == [THEIRS, OURS, OURS, THEIRS]


@pytest.mark.usefixtures("salon")
def test_an_attempt_keeps_the_key_of_its_claim(keys: Keys) -> None:
    """Also for the several calls of a look, while the account has another key by now; the next claim has that."""
    first, second = ask(1), ask(2)
    lose(first)
    write(first, next_attempt_at=None)
    claimed = claim(dependencies.current(), first)
    assert claimed is not None
    keys()
    rotate(NEXT)
    assert keys() == [NEXT]  # whose key is it?

    book(claimed)
    looked = keys()
    carry(second)

    assert set(looked) == {THEIRS}
    assert len(looked) >= 2
    assert keys() == [NEXT]


@pytest.mark.usefixtures("salon")
def test_a_version_that_is_known_costs_no_statement(keys: Keys) -> None:
    """Three for a booking; with a key that was rotated one more, once."""
    carry(ask(1))
    statements: list[str] = []
    engine = dependencies.current().engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cur, sql, *_: statements.append(sql))

    def cost(number: int) -> int:
        statements.clear()
        claimed = claim(dependencies.current(), ask(number))
        assert claimed is not None
        book(claimed)
        return len(statements)

    costs = [cost(2), cost(3)]
    rotate(NEXT)
    costs += [cost(4), cost(5)]

    assert costs == [3, 3, 4, 3]
    assert keys()[-2:] == [NEXT, NEXT]


def test_a_paused_account_is_called_for_nothing(salon: Account, keys: Keys) -> None:
    """No booking, no look, no recheck; what it holds goes when it is resumed, and its askable time begins again."""
    confirmed, unknown, fresh = carry(ask(1)), ask(2), ask(3)
    lose(unknown)
    write(unknown, next_attempt_at=None)
    keys()
    deps = dependencies.current()
    operations.pause(deps, salon.name, asked())

    held = [carry(one) for one in (unknown, fresh)]
    suspect = ask(4)
    write(suspect, **_suspect())
    look_again()
    standing = still_booked(deps, confirmed.id).standing
    release_held()

    assert [state(one) for one in held] == [(Status.HELD, HoldReason.PAUSED)] * 2
    assert standing is Standing.UNASKED
    assert keys() == []
    assert state(carry(ask(5, None))) == (Status.CONFIRMED, None)
    operations.resume(deps, salon.name, asked())
    let_pass(10)
    keys()

    assert release_held() == 2
    after = [carry(one) for one in (unknown, fresh)]
    assert after[0].askable_since > held[0].updated_at  # type: ignore[operator]
    assert after[1].status is Status.CONFIRMED
    assert set(keys()) == {THEIRS}


def test_a_pause_gives_the_place_in_the_window_back(salon: Account) -> None:
    """The place that the paced release took for the booking is another one's."""
    one, deps = ask(1), dependencies.current()
    operations.pause(deps, salon.name, asked())
    assert deps.breaker.held_work.release(CREATE, [one]).items
    assert deps.breaker.get_status().waiting == 1
    claimed = claim(deps, one, released=True)
    assert claimed is not None

    assert attempt(claimed).gave_back
    assert deps.breaker.get_status().waiting == 0


@pytest.mark.usefixtures("salon")
def test_the_account_of_the_settings_may_be_paused(keys: Keys) -> None:
    """Others go on."""
    operations.pause(dependencies.current(), "default", asked())
    keys()

    held, booked = carry(ask(1, None)), carry(ask(2))

    assert state(held) == (Status.HELD, HoldReason.PAUSED)
    assert (booked.status, keys()) == (Status.CONFIRMED, [THEIRS])


@pytest.mark.usefixtures("salon")
def test_bookings_of_a_key_that_cannot_be_decrypted_wait(
    fleet_of: Callable[..., Any], keys: Keys, encryption: str
) -> None:
    """An operator hears of it, and nobody else is held; with the encryption key back they go by themselves."""
    one, other = ask(1), ask(2, None)
    fleet_of(ACCOUNT_ENCRYPTION_KEYS="")
    dependencies.fill(build)
    keys()

    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)
    assert state(carry(other)) == (Status.CONFIRMED, None)
    assert keys() == [OURS]
    let_pass(10)
    assert release_held() == 0
    check()
    assert _incidents() == ["key_unreadable"]

    fleet_of(ACCOUNT_ENCRYPTION_KEYS=encryption)
    dependencies.fill(build)
    assert release_held() == 1
    assert state(carry(one)) == (Status.CONFIRMED, None)


@pytest.mark.usefixtures("salon")
def test_a_refused_key_holds_its_own_bookings_until_it_is_rotated(keys: Keys) -> None:
    """They are held for that key: another one lets them go; `default` goes on meanwhile."""
    one = ask(1)
    write(one, status=Status.HELD, hold_reason=HoldReason.CREDENTIALS, held_at=text("now()"), held_for="old key")
    deps = dependencies.current()
    write(one, held_for=deps.for_account(row(one).account_id).calcom.key_fingerprint)
    let_pass(10)

    rotate(OTHERS, other_user=True)
    keys()

    assert release_held() == 1
    assert carry(one).status is Status.CONFIRMED
    assert keys() == [OTHERS]


@pytest.mark.usefixtures("salon")
def test_a_second_cal_com_has_its_own_connections_and_fingerprints(start_simulator: Callable[..., Any]) -> None:
    """The same key, valid at both, is two keys to us."""
    other, deps = start_simulator(), dependencies.current()
    offered = deps.door.client_for(other.url, SecretStr(OURS))
    assert offered.key_fingerprint != deps.calcom.key_fingerprint
    add("salon-8", OURS, base_url=other.url)

    booked = carry(ask(1, "salon-8"))

    assert booked.status is Status.CONFIRMED
    assert [entry["key"] for entry in other.journal()] == [OURS, OURS]
    theirs = deps.for_account(booked.account_id).calcom
    assert theirs.key_fingerprint == offered.key_fingerprint
    assert len({theirs.settings_fingerprint, deps.calcom.settings_fingerprint}) == 2


def _suspect() -> dict[str, Any]:
    unknown = {"outcome_unknown": True, "sent_at": text("now()"), "settle_at": text("now()"), "posts": 1}
    return {"status": Status.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": text("now()"), **unknown}


def _incidents() -> list[str]:
    with dependencies.current().engine.connect() as conn:
        found = conn.execute(text("SELECT kind FROM alert_incidents WHERE kind IN ('credentials', 'key_unreadable')"))
        return list(found.scalars())
