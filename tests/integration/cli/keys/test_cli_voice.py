"""`booking keys voice`: agents' secrets come from standard input, are encrypted, and are never shown."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tasks import dependencies
from tasks.callers.voice_secrets import MOST, known_agent
from tests.support.accounts.making import make_account
from tests.support.api.agents import ENCRYPTION_KEY

Booking = Callable[..., Any]
SECRET = "retell-signs-with-this"


@pytest.fixture
def keys(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking keys ...` where there is a key that agents' addresses may name."""
    settings(ACCOUNT_ENCRYPTION_KEYS=ENCRYPTION_KEY)
    assert call("keys", "add", "agent", "--scopes", "book,voice").code == 0
    return lambda *arguments: call("keys", *arguments)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write a secret to standard input."""
    return lambda secret: monkeypatch.setattr(sys, "stdin", io.StringIO(f"{secret}\nmore\n"))


def dumped() -> str:
    """Return all that the database has of the secrets and of the operators' actions."""
    with dependencies.current().engine.connect() as conn:
        query = "SELECT to_jsonb(one)::text FROM {} AS one"
        rows = [conn.execute(text(query.format(table))).scalars() for table in ("voice_secrets", "operator_actions")]
        return "\n".join(line for some in rows for line in some)


def proving(name: str = "agent") -> dict[str, list[str]]:
    """Return what proves for a key, as `booking serve` reads it."""
    with dependencies.current().engine.connect() as conn:
        handle = conn.execute(text("SELECT handle FROM api_keys WHERE name = :name"), {"name": name}).scalar_one()
    known = known_agent(handle)
    own = known.own if known else {}
    return {platform: [one.get_secret_value() for one in secrets] for platform, secrets in own.items()}


def test_secrets_are_stored_listed_and_wiped(keys: Booking, call: Booking, given: Callable[[str], None]) -> None:
    """Several of each platform at once; no list, record or table has one."""
    stored = []
    for platform, secret in (("retell", SECRET), ("retell", f"{SECRET}-new"), ("vapi", f"{SECRET}-vapi")):
        given(secret)
        stored.append(keys("voice", "agent", f"--{platform}"))
    assert {one.code for one in stored} == {0}
    assert proving() == {"retell": [SECRET, f"{SECRET}-new"], "vapi": [f"{SECRET}-vapi"]}

    listed, shown = keys("voice", "agent"), keys("voice", "agent", "--json").json
    prints = [one["fingerprint"] for one in shown["secrets"]]
    assert [one["platform"] for one in shown["secrets"]] == ["retell", "retell", "vapi"]
    assert [mark in listed.out for mark in prints] == [True] * 3
    assert f"agent: Retell's secret {prints[0]} proves for it within 5 seconds.\n" == stored[0].out

    wiped = keys("voice", "agent", "--remove", prints[0], "--why", "it stood in a log")
    assert (wiped.code, proving()) == (0, {"retell": [f"{SECRET}-new"], "vapi": [f"{SECRET}-vapi"]})
    said = "".join(one.said for one in (*stored, listed, wiped, call("actions"), keys("list")))
    assert SECRET not in said + dumped()
    assert [words in said for words in ("key voice add", "key voice remove", "it stood in a log")] == [True] * 3


def test_a_revoked_key_has_no_secrets(keys: Booking, given: Callable[[str], None]) -> None:
    """They are wiped with it."""
    given(SECRET)
    assert keys("voice", "agent", "--retell").code == 0
    assert keys("revoke", "agent").code == 0
    with dependencies.current().engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM voice_secrets")).scalar_one() == 0
    assert "no key in force" in keys("voice", "agent").err


@pytest.mark.parametrize(
    ("arguments", "secret", "said"),
    [
        (("agent", "--retell", "--vapi"), SECRET, "give one of --retell, --vapi and --remove"),
        (("agent", "--retell", "--remove", "x"), SECRET, "give one of"), (("agent", "--retell"), "", "first line"),
        (("agent", "--retell"), "short", "16 characters or more"),
        (("agent", "--vapi"), f"{SECRET} x", "16 characters or more"),
        (("agent", "--vapi"), f"{SECRET}é", "16 characters or more"), (("nobody", "--vapi"), SECRET, "no key in force"),
        (("nobody",), "", "no key in force"), (("agent", "--remove", "x"), "", "agent has no secret x"),
        (("form", "--retell"), SECRET, "form lacks the scope voice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_stored(
    keys: Booking, given: Callable[[str], None], arguments: tuple[str, ...], secret: str, said: str
) -> None:
    """In one line that has no secret."""
    keys("add", "form")
    given(secret)
    ran = keys("voice", *arguments)

    assert (ran.code, said in ran.err, "voice_add" in dumped()) == (1, True, False)
    assert len(secret) < 5 or secret not in ran.said
    assert proving() == proving("form") == {}


def test_a_key_has_a_few_secrets_each_once(keys: Booking, given: Callable[[str], None]) -> None:
    """Of each platform, for each costs a hash of each body."""
    for number in range(MOST):
        given(f"{SECRET}-{number}")
        assert keys("voice", "agent", "--retell").code == 0
    for secret, said in ((f"{SECRET}-0", "agent has this secret already"), (SECRET, f"agent has {MOST} already")):
        given(secret)
        assert said in keys("voice", "agent", "--retell").err
    given(SECRET)
    assert keys("voice", "agent", "--vapi").code == 0


def test_without_an_encryption_key_nothing_is_stored(booking: Booking, given: Callable[[str], None]) -> None:
    """Rather than in clear."""
    booking("keys", "add", "agent", "--scopes", "voice")
    given(SECRET)
    ran = booking("keys", "voice", "agent", "--retell")

    assert (ran.code, "ACCOUNT_ENCRYPTION_KEYS is not set" in ran.err, proving()) == (1, True, {})


def test_check_names_the_keys_that_share_a_secret(
    keys: Booking, settings: Callable[..., dict[str, str]], call: Booking, given: Callable[[str], None]
) -> None:
    """Also with the settings, and the keys for which no secret proves; it is said when one is stored, too."""
    _, account = make_account(dependencies.current().engine)
    for name in ("other", "third"):
        keys("add", name, "--scopes", "voice", "--account", account)
    for name, platform in (("agent", "retell"), ("agent", "vapi"), ("other", "retell")):
        given(SECRET)
        last = keys("voice", name, f"--{platform}")
    assert "It proves for agent, too: who has it may ask for each." in last.err

    def agents() -> list[str]:
        return [one["said"] for one in call("check", "--json").json["findings"] if one["about"] == "agents"]

    alone = agents()
    assert len(alone) == 1
    told = alone[0]
    assert told.startswith("Retell's secret ")
    assert told.endswith(" proves for agent, other: who has it may ask for each")
    settings(ACCOUNT_ENCRYPTION_KEYS=ENCRYPTION_KEY, VAPI_SECRETS=SECRET)
    beside = agents()
    assert (len(beside), beside[0]) == (3, told)
    _, vapis, missing = beside
    assert "proves for agent, each key of `default` without one: who has it" in vapis
    assert missing == (
        "RETELL_API_KEYS and VAPI_SECRETS prove for keys of `default` alone; no secret of their own "
        "(`booking keys voice`): third"
    )
    assert SECRET not in "".join(agents())


def test_secrets_are_checked_and_encrypted_again_with_the_accounts_keys(
    keys: Booking, settings: Callable[..., dict[str, str]], call: Booking, given: Callable[[str], None]
) -> None:
    """So that an old encryption key can be taken out; without the one that encrypted it, check names the secret."""
    given(SECRET)
    keys("voice", "agent", "--retell")
    newer = ENCRYPTION_KEY.replace("Zm9y", "Zm9z")
    settings(ACCOUNT_ENCRYPTION_KEYS=newer)
    lost = call("accounts", "check")
    assert (lost.code, "of the API key agent: none of ACCOUNT_ENCRYPTION_KEYS opens the key" in lost.out) == (1, True)
    assert "of the API key agent" in call("accounts", "reencrypt").err

    settings(ACCOUNT_ENCRYPTION_KEYS=f"{newer} {ENCRYPTION_KEY}")
    assert call("accounts", "reencrypt").code == 0
    settings(ACCOUNT_ENCRYPTION_KEYS=newer)
    assert (call("accounts", "check").code, proving()) == (0, {"retell": [SECRET]})
    assert "1 secret of agents of 1 can be used" in call("accounts", "check").out
