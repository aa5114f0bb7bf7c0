"""`booking keys`: made and shown once, listed without their secrets, rotated, revoked, each order on record."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.api_keys.key_text import is_key
from db.models.accounts import AccountState
from tasks import dependencies
from tasks.callers.keys import known_key
from tests.support.accounts.making import make_account
from worker.cli.keys import keys as commands

Booking = Callable[..., Any]
key_text = commands.keys.key_text


def in_force(key: str) -> bool:
    """Return whether a key is let in."""
    return known_key(key_text.hash_of(key)) is not None


def dumped() -> str:
    """Return all that the database has of the keys and of the operators' actions."""
    with dependencies.current().engine.connect() as conn:
        tables = ("api_keys", "operator_actions")
        rows = [conn.execute(text(f"SELECT to_jsonb(one)::text FROM {table} AS one")).scalars() for table in tables]  # noqa: S608 - two names
        return "\n".join(line for some in rows for line in some)


def test_a_key_is_shown_once_and_only_its_hash_is_stored(booking: Booking) -> None:
    """It stands alone on standard output, for a script; neither the list nor the database has it."""
    made = booking("keys", "add", "agent", "--scopes", "book,read", "--types", "101,102", "--rate", "60")
    key = made.out.strip()
    listed = booking("keys", "list")

    assert (made.code, is_key(key), in_force(key)) == (0, True, True)
    assert f"bw_{key[3:11]}_..." in listed.out
    assert "book, read; event types 101, 102" in listed.out
    assert "60 calls a minute" in listed.out
    assert key[12:] not in listed.out + dumped()
    [shown] = booking("keys", "list", "--json").json["keys"]
    assert (shown["name"], shown["scopes"], shown["event_types"]) == ("agent", ["book", "read"], [101, 102])


def test_a_rotated_key_lasts_a_day_and_the_one_before_it_ends(booking: Booking) -> None:
    """The eight characters stay, for addresses name a key by them."""
    first = booking("keys", "add", "agent").out.strip()
    second = booking("keys", "rotate", "agent").out.strip()
    assert (in_force(first), in_force(second), first[:12] == second[:12]) == (True, True, True)

    third = booking("keys", "rotate", "agent").out.strip()
    assert [in_force(key) for key in (first, second, third)] == [False, True, True]

    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE api_keys SET old_until = now() - interval '1 second'"))
    assert [in_force(key) for key in (second, third)] == [False, True]


def test_a_revoked_key_and_its_old_one_end_and_keep_the_name(booking: Booking) -> None:
    """Its bookings name it, so a new key gets another name."""
    old = booking("keys", "add", "agent").out.strip()
    new = booking("keys", "rotate", "agent").out.strip()

    assert booking("keys", "revoke", "agent", "--why", "it stood in a log").code == 0

    assert [in_force(key) for key in (old, new)] == [False, False]
    assert "revoked" in booking("keys", "list").out
    assert booking("keys", "add", "agent").code == booking("keys", "rotate", "agent").code == 1
    actions = booking("actions").out
    assert [word in actions for word in ("key add", "key rotate", "key revoke", "it stood in a log")] == [True] * 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("add", "No Name"), "is no name"), (("add", "a", "--scopes", "fly"), "fly is no scope"),
        (("add", "a", "--scopes", ","), "is no scope"), (("add", "a", "--types", "x"), "--types"),
        (("add", "a", "--account", "nobody"), "nobody: no account has this name"),
        (("add", "a", "--callback", "http://example.com"), "the callback's address must begin with https://"),
        (("add", "a", "--callback", "https://pat@example.com/x"), "must not carry a user"),
        (("add", "a", "--callback", ""), "the callback's address must begin with https://HOST"),
        (("callback", "nobody", "--hosts", "hooks.example.com"), "no key in force"),
        (("rotate", "nobody"), "no key in force"), (("revoke", "nobody"), "no key in force"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_made(booking: Booking, given: tuple[str, ...], said: str) -> None:
    """In one line, and the record has no order of it."""
    ran = booking("keys", *given)

    assert ran.code == 1
    assert said in ran.err
    assert booking("keys", "list", "--json").json["keys"] == booking("actions", "--json").json["actions"] == []


def test_a_key_is_of_the_account_that_it_is_made_for(booking: Booking) -> None:
    """The list shows which; of a closed account none is made."""
    engine = dependencies.current().engine
    number, name = make_account(engine)
    _, closed = make_account(engine, AccountState.CLOSED)
    assert [booking("keys", "add", key, "--account", name).code for key in ("form", "agent")] == [0, 0]
    refused = booking("keys", "add", "other", "--account", closed)
    booking("keys", "add", "plain")

    assert (refused.code, f"{closed} is closed" in refused.err) == (1, True)
    listed = booking("keys", "list", "--json").json["keys"]
    assert {one["name"]: (one["account_id"], one["account"]) for one in listed} == {
        "agent": (number, name), "form": (number, name), "plain": (1, "default"),
    }  # fmt: skip
    assert booking("keys", "list").out.count(f"account {name}; ") == 2


def test_the_hosts_that_a_request_may_name_are_set_and_listed(booking: Booking) -> None:
    """In place of those before; '' takes them all away, and what is no host changes nothing."""
    made = booking("keys", "add", "shop")
    assert made.code == 0, made.err

    def hosts() -> tuple[list[str], str]:
        """Return them as programs and as people read them."""
        [shown] = booking("keys", "list", "--json").json["keys"]
        lines = [line for line in booking("keys", "list").out.splitlines() if "may name" in line]
        return shown["allowed_callback_hosts"], " ".join(lines[0].split()) if lines else ""

    assert hosts() == ([], "")
    assert booking("keys", "callback", "shop", "--hosts", "b.example.com, a.example.com,").code == 0
    two = ["a.example.com", "b.example.com"]
    assert hosts() == (two, "requests may name a callback address at a.example.com, b.example.com")
    for wrong in ("https://c.example.com", "c.example.com:8443", "C.example.com", "a.example.com,10.0.0.7/x"):
        refused = booking("keys", "callback", "shop", "--hosts", wrong)
        assert (refused.code, "is not the name of a host" in refused.err, hosts()[0]) == (1, True, two)
    assert booking("keys", "callback", "shop", "--hosts", "").code == 0
    assert hosts() == ([], "")
    assert [one["target"]["hosts"] for one in booking("actions", "--json").json["actions"][:2]] == [
        "", "b.example.com,a.example.com",
    ]  # fmt: skip


def test_a_key_is_made_with_the_address_of_its_callbacks(booking: Booking) -> None:
    """In one order; lists and records for people have its host alone."""
    made = booking("keys", "add", "shop", "--callback", "https://Hooks.example.com/in?token=x1y2z3")
    booking("keys", "add", "plain")
    assert is_key(made.out.strip())

    shown = {one["name"]: one["callback_url"] for one in booking("keys", "list", "--json").json["keys"]}
    listed = booking("keys", "list").out
    actions = booking("actions", "--json")

    assert shown == {"shop": "https://hooks.example.com/in?token=x1y2z3", "plain": None}
    assert listed.count("callbacks go to ") == listed.count("callbacks go to hooks.example.com\n") == 1
    assert [one["target"].get("callback") for one in actions.json["actions"]] == [None, "on"]
    assert "x1y2z3" not in listed + actions.out


def test_the_list_says_that_a_receiver_has_switched_its_callbacks_off(booking: Booking) -> None:
    """It answered 410; another address switches them on."""
    booking("keys", "add", "shop", "--callback", "https://example.com/hooks")
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE api_keys SET callback_off_at = now()"))

    off = booking("keys", "list").out
    booking("keys", "callback", "shop", "https://example.com/again")
    on = booking("keys", "list").out

    assert "callbacks to example.com are switched off since " in off
    assert "it answered 410; `booking keys callback shop URL` switches them on" in " ".join(off.split())
    assert ("callbacks go to example.com" in on, "410" in on) == (True, False)


def test_check_says_that_there_is_no_key_yet(booking: Booking) -> None:
    """And how many there are."""
    assert "no key yet" in booking("check").out
    booking("keys", "add", "agent")
    assert "1 key in force" in booking("check").out
