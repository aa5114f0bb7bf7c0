"""`booking check` and `booking accounts check` ask Cal.com with each key: one that is wrong is exit code 1."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount

Booking = Callable[..., Any]
KEYS = {"salon-7": "cal_test_host10", "salon-8": "cal_test_host11"}


def asked(action: str) -> ActionRequest:
    """Ask as an operator does."""
    return ActionRequest(who="ann", via="command line", action=action, why="for a test")


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run commands where there are two accounts beside `default`."""
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    for name, key in KEYS.items():
        operations.add(
            dependencies.current(),
            NewAccount(name=name),
            SecretStr(key),
            asked(operations.ADD),
            first=name == "salon-7",
        )
    return call


def refuse(simulator: Any, name: str) -> None:
    """Have Cal.com refuse an account's key."""
    simulator.faults("status", name="invalid_key", match={"key": KEYS[name]})


def findings(ran: Any) -> dict[str, tuple[bool, str]]:
    """Return what a check says of accounts."""
    return {
        one["about"]: (one["ok"], one["said"]) for one in ran.json["findings"] if one["about"].startswith("account")
    }


def test_each_key_is_asked_with(booking: Booking, simulator: Any) -> None:
    """Of those that are well only how many there are is said."""
    before = len(simulator.journal())

    ran = booking("check", "--json")

    assert (ran.code, findings(ran)) == (0, {"accounts": (True, "2 of 2 beside default are well")})
    seen = {entry["key"] for entry in simulator.journal()[before:] if entry["method"] == "GET"}
    assert seen >= set(KEYS.values())


def test_a_refused_key_is_named_with_what_ends_that(booking: Booking, simulator: Any) -> None:
    """By Cal.com's answer, and by the block that it has led to; the other accounts are well."""
    refuse(simulator, "salon-8")

    first, blocked = booking("check", "--json"), booking("check", "--json")

    for ran in (first, blocked):
        told = findings(ran)
        assert (ran.code, told["accounts"]) == (1, (True, "1 of 2 beside default are well"))
        assert told["account"][1].startswith("salon-8: ")
        assert "Cal.com refuses" in told["account"][1]
        assert "`booking accounts rotate salon-8`" in told["account"][1]


def test_accounts_check_asks_for_all_of_them(booking: Booking, simulator: Any) -> None:
    """The settings' account, too; a paused one is not asked for, and a closed one is none."""
    assert booking("accounts", "check").out == "3 keys of 3 can be used\n"
    refuse(simulator, "salon-7")
    operations.pause(dependencies.current(), "salon-8", asked(operations.PAUSE))

    ran = booking("accounts", "check", "--json")

    assert (ran.code, ran.json["accounts"], ran.json["unreadable"]) == (1, 3, {})
    assert list(ran.json["wrong"]) == ["salon-7"]
    assert "`booking accounts rotate salon-7`" in ran.json["wrong"]["salon-7"]
