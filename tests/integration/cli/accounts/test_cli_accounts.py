"""`booking accounts`: what an operator is told; keys come from standard input, and no command shows one."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.lifecycle import Status
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.fleet import request
from tests.support.stepping import accept, carry
from worker import cancel_booking

Booking = Callable[..., Any]
KEY = "cal_test_host10"


@pytest.fixture
def accounts(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking accounts ...` where there is an account beside `default`."""
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    asked = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")
    operations.add(dependencies.current(), NewAccount(name="salon-7"), SecretStr(KEY), asked, first=True)
    return lambda *arguments: call("accounts", *arguments)


def given(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Write a key to standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{key}\nmore\n"))


def test_an_account_is_added_at_the_cal_com_of_the_settings(accounts: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """At another one that cannot be reached nothing is stored."""
    given(monkeypatch, "cal_test_host11")
    ran = accounts("add", "salon-8", "--base-url", "http://127.0.0.1:1")

    assert (ran.code, "booking: Cal.com does not say whose key it is" in ran.err) == (1, True)
    given(monkeypatch, "cal_test_host11")
    ran = accounts("add", "salon-8", "--rate", 120)
    assert (ran.code, ran.out) == (0, "salon-8 is added.\n")
    assert {one["name"]: one["calls_per_minute"] for one in accounts("list", "--json").json} == {
        "default": None,
        "salon-7": None,
        "salon-8": 120,
    }


def test_an_account_whose_key_is_refused_is_not_shown_as_active_alone(accounts: Booking, simulator: Any) -> None:
    """What stops it stands beside its state, with what ends that."""
    [one] = accept(request(1, account="salon-7"))
    simulator.faults("status", name="invalid_key", count=1)
    carry(one)

    shown, told = accounts("show", "salon-7", "--json").json, accounts("show", "salon-7").out

    assert (shown["state"], shown["trouble"]) == ("active", "refused")
    assert "Cal.com refuses its key: `booking accounts rotate salon-7`" in " ".join(told.split())
    assert accounts("show", "default", "--json").json["trouble"] is None


def test_accounts_are_listed_without_their_keys(accounts: Booking, simulator: Any) -> None:
    """By name, state, Cal.com and limit; one by all that may be shown."""
    listed, shown = accounts("list"), accounts("show", "salon-7", "--json")

    host = simulator.url.removeprefix("http://")
    assert [" ".join(line.split()) for line in listed.out.splitlines()] == [
        f"default active, {host}, no limit of our own",
        f"salon-7 active, {host}, no limit of our own",
    ]
    assert (shown.json["user"], shown.json["version"]) == (110, 2)
    assert KEY not in listed.said + shown.said + accounts("show", "salon-7").said
    assert accounts("show", "nobody").err == (
        "booking: nobody: no account has this name; `booking accounts list` shows them\n"
    )


def test_an_account_is_changed_and_the_record_says_why(
    accounts: Booking, call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command says what is now; a refusal says what to do, and is exit code 1."""
    said = [
        accounts("set", "salon-7", "--rate", 300).out,
        accounts("pause", "salon-7", "--why", "moves away").out,
        accounts("resume", "salon-7").out,
        accounts("check").out,
        accounts("reencrypt").out,
    ]
    given(monkeypatch, "cal_test_host11")
    refused = accounts("rotate", "salon-7")
    given(monkeypatch, "cal_test_host11")
    said += [accounts("rotate", "salon-7", "--other-user").out, accounts("close", "salon-7").out]

    assert said == [
        "salon-7 is changed.\n",
        "salon-7 is paused.\n",
        "salon-7 is active.\n",
        "2 keys of 2 can be used\n",
        "1 key encrypted again\n",
        "salon-7 has its new key.\n",
        "salon-7 is closed, and its key wiped.\n",
    ]
    assert (refused.code, "--other-user" in refused.err, "cal_" in refused.said) == (1, True, False)
    assert "account pause (account salon-7): paused\n" in call("actions").out
    assert "why: moves away" in call("actions").out


def test_an_account_with_bookings_to_come_is_closed_by_a_yes(accounts: Booking) -> None:
    """Else the command says how many there are, and what to do; programs read the same."""
    for booking in accept(request(1, account="salon-7"), request(2, account="salon-7")):
        assert carry(booking).status is Status.CONFIRMED
    cancel_booking(booking)
    counts = {"bookings": 0, "changes": 1, "to_come": 2, "withdrawn": 0, "not_known": []}

    refused, read = accounts("close", "salon-7"), accounts("close", "salon-7", "--json")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(
        "booking: salon-7 is not closed: 2 bookings of it are to come, and 1 cancel or move is not over. Wait until "
        "they are over, or cancel them (`booking cancel ID`); or give --yes: the bookings stay at Cal.com as they are"
    )
    assert read.code == 1
    assert read.json == {
        "account": "salon-7",
        "closed": False,
        "why": refused.err.removeprefix("booking: ")[:-1],
        **counts,
    }
    assert accounts("close", "salon-7", "--yes").out == (
        "salon-7 is closed, and its key wiped. 2 bookings stay at Cal.com. "
        "1 cancel or move was not sent yet, and is withdrawn.\n"
    )
    again = accounts("close", "salon-7", "--json")
    assert (again.code, again.err) == (1, "booking: salon-7 is closed, for good\n")


def test_a_key_is_never_an_argument(accounts: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a missing one waited for without end."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert "first line of standard input" in accounts("rotate", "salon-7").err
    assert accounts("rotate", "salon-7", "cal_test_host10").code == 2


def test_a_key_that_cannot_be_decrypted_is_told(accounts: Booking, settings: Callable[..., Any]) -> None:
    """And is exit code 1."""
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())

    ran = accounts("check")

    assert ran.code == 1
    assert ran.out.splitlines() == [
        "salon-7: none of ACCOUNT_ENCRYPTION_KEYS opens the key",
        "1 key of 2 can be used",
    ]


@pytest.mark.usefixtures("accounts")
def test_lines_of_a_file_go_to_their_accounts(call: Booking, tmp_path: Any) -> None:
    """`--account` is that of lines that name none; a line of an account that is not open is refused by its number."""
    line = (
        '{"event_type_id": 110, "start": "2031-03-0%dT09:00:00Z", "attendee": {"name": "Pat Example", "email": '
        '"pat@example.com", "time_zone": "UTC"}%s}\n'
    )
    accounts_of = ["", ', "account": "nobody"', ', "account": "default"', ', "account": "Not A Name"']
    file = tmp_path / "requests.jsonl"
    file.write_text("".join(line % (number, more) for number, more in enumerate(accounts_of, 1)), "utf-8")

    ran = call("enqueue", file, "--account", "salon-7", "--json")

    assert (ran.code, ran.json["accepted"], ran.json["invalid"]) == (1, 2, 2)
    assert f"{file}:2 account: there is no such account, or it is closed" in ran.err
    assert f"{file}:4 account: must be a name of a-z" in ran.err
    with dependencies.current().engine.connect() as conn:
        numbers = conn.exec_driver_sql("SELECT account_id FROM appointments ORDER BY id").scalars().all()
    assert [number == 1 for number in numbers] == [False, True]
    assert call("enqueue", file, "--account", "nobody").err == (
        "booking: nobody: there is no such account, or it is closed\n"
    )
