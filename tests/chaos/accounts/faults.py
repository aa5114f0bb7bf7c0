"""Faults of one account, and of one Cal.com of three; others must not notice.

A key is rotated, refused or cannot be decrypted, an account is paused, its webhook receiver hangs. Each fault returns
whether it was met. What is hurt, and for how long, is kept for the judge.

Two of them need a person, as the world does, and neither releases anything: who has rotated a key at Cal.com stores the
new one, and who paused an account resumes it. What was held for that must go by itself then.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from tasks.operations import accounts as operations
from tasks.operations.accounts.refusals import AccountRefusedError
from tests.chaos.accounts.fleet import DEFAULT, FleetAccounts, asked, key_of, know, now
from tests.chaos.accounts.judge import Period
from tests.chaos.environment import ChaosEnvironment
from tests.chaos.faults.servers import LATE, POST, Strike

LASTS = (3.0, 8.0)  # seconds
DELETED = "deleted"
OFTEN = 6
OUTAGES: tuple[dict[str, Any], ...] = (
    {"kind": "refuse"},
    {"kind": "status", "name": "unavailable"},
    {"kind": "commit_then_reset"},
)
_BROKEN = "UPDATE calcom_accounts SET encrypted_key = 'x' || encrypted_key, version = version + 1 WHERE id = %(number)s"
_WHOLE = """
UPDATE calcom_accounts SET encrypted_key = substr(encrypted_key, 2), version = version + 1 WHERE id = %(number)s
"""


def rotated(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Store another user's key."""
    accounts, name = _one(environment, rng)
    return _rotate(environment, accounts, name)


def rotated_when_refused(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have Cal.com know a key no more, and store another one."""
    accounts, name = _one(environment, rng)
    with _hurt(accounts, name, "key"):
        know(environment.calcom_of(accounts.names[name]), accounts.key(name), DELETED)
        environment.pause(rng.uniform(*LASTS))
        while not _rotate(environment, accounts, name):
            environment.pause(1.0)
    return True


def refused(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have Cal.com know a key no more, and then know it again."""
    accounts, name = _one(environment, rng)
    key, calcom = accounts.key(name), environment.calcom_of(accounts.names[name])
    with _hurt(accounts, name, "key"):
        know(calcom, key, DELETED)
        try:
            environment.pause(rng.uniform(*LASTS))
        finally:
            know(calcom, key)
    return True


def paused(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Pause an account, at times `default`, and resume it."""
    accounts, name = _one(environment, rng, default=True)
    with _hurt(accounts, name, "paused"):
        operations.pause(environment.dependencies, name, asked())
        try:
            environment.pause(rng.uniform(*LASTS))
        finally:
            operations.resume(environment.dependencies, name, asked())
    return True


def unreadable(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a key that nobody can decrypt, and then the same as before."""
    accounts, name = _one(environment, rng)
    number = accounts.names[name]
    with _hurt(accounts, name, "key"):
        environment.sql(_BROKEN, number=number)
        try:
            environment.pause(rng.uniform(*LASTS))
        finally:
            environment.sql(_WHOLE, number=number)
    return True


def hangs(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have Cal.com wait for an account's webhook receiver: what it books and changes is answered too late."""
    accounts, name = _one(environment, rng)
    calcom, seconds = environment.calcom_of(accounts.names[name]), rng.uniform(*LASTS)
    slow = {"kind": "latency", "after": True, "delay": LATE, "match": {**POST, "key": accounts.key(name)}}
    with _hurt(accounts, name, "receiver"):
        calcom.order("POST", "/_faults", {**slow, "seconds": seconds})
        environment.pause(seconds)
    return True


def down(environment: ChaosEnvironment, rng: random.Random) -> bool:
    """Have a Cal.com down for a while, one of those that nothing else hurts."""
    place, seconds = rng.randrange(1, len(environment.calcoms)), rng.uniform(*LASTS)
    began = now()
    environment.calcoms[place].order("POST", "/_faults", {**rng.choice(OUTAGES), "seconds": seconds})
    try:
        environment.pause(seconds)
    finally:
        environment.accounts.down[place].append(Period("down", began, now()))
    return True


def _rotate(environment: ChaosEnvironment, accounts: FleetAccounts, name: str) -> bool:
    turn = accounts.turns[name] + 1
    key = key_of(name, turn)
    know(environment.calcom_of(accounts.names[name]), key)
    accounts.keys[accounts.names[name]].add(key)  # before it is stored: a worker may call with it at once
    try:
        operations.rotate(environment.dependencies, name, SecretStr(key), asked(), other_user=True)
    except AccountRefusedError:  # Cal.com is down, and does not say whose key it is
        return False
    accounts.turns[name] = turn
    return True


def _one(environment: ChaosEnvironment, rng: random.Random, *, default: bool = False) -> tuple[FleetAccounts, str]:
    accounts = environment.accounts
    names = [name for name in accounts.names if default or name != DEFAULT]
    return accounts, rng.choice(names)


@contextmanager
def _hurt(accounts: FleetAccounts, name: str, trouble: str) -> Iterator[None]:
    began = now()
    try:
        yield
    finally:
        accounts.hurt[accounts.names[name]].append(Period(trouble, began, now()))


_OF_ONE: dict[str, Strike] = {
    "account: its key is rotated": rotated,
    "account: its key is refused, then rotated": rotated_when_refused,
    "account: its key is refused for a while": refused,
    "account: paused, resumed": paused,
    "account: its key cannot be decrypted for a while": unreadable,
    "account: its webhook receiver hangs": hangs,
    "a Cal.com of three: down": down,
}
FAULTS: dict[str, Strike] = {
    f"{name} ({n} of {OFTEN})": strike for n in range(1, OFTEN + 1) for name, strike in _OF_ONE.items()
}
"""Each several times: a lane has its share of all faults by how many it has."""
