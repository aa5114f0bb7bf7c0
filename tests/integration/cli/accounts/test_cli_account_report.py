"""`booking accounts report`: one account's own figures, and nothing of others, as text, HTML, CSV and JSON."""

import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.monitoring import breaker_events
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.accounts.making import make_account
from tests.support.fleet import request
from tests.support.stepping import accept, carry, write
from worker import cancel_booking

Booking = Callable[..., Any]


@pytest.fixture(autouse=True)
def _salon(settings: Callable[..., dict[str, str]]) -> None:
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    asked = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")
    deps = dependencies.current()
    operations.add(deps, NewAccount(name="salon-7"), SecretStr("cal_test_host10"), asked, first=True)


def opened(account: str | None, began: int = 7200) -> None:
    """Write down that a breaker opened and closed: an account's own, or Cal.com's (None)."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        number = (
            account
            and conn.execute(text("SELECT id FROM calcom_accounts WHERE name = :name"), {"name": account}).scalar_one()
        )
        for epoch, (state, ago) in enumerate((("open", began), ("closed", began - 3600)), 7):
            at = conn.execute(text("SELECT now() - :ago * interval '1 second'"), {"ago": ago}).scalar_one()
            change = {
                "old_state": "closed",
                "new_state": state,
                "reason": "failures",
                "failure_count": 5,
                "context": {},
            }
            of = {"service": deps.breaker.service, "endpoint": CREATE, "account_id": number, "epoch": epoch}
            breaker_events.record_transitions(
                conn, [{**change, **of, "context": {}, "created_at": at, "updated_at": at}]
            )


def a_day(account: str | None, *, confirmed: int, held: int) -> None:
    """Have some bookings of an account confirmed, a cancel asked for, one refused, and some held."""
    first, *others = [accept(request(number, account=account))[0] for number in range(confirmed)]
    for booking in (first, *others):
        carry(booking)
    cancel_booking(first, reason="The customer has asked for it")
    [refused] = accept(request(20, account=account))
    write(refused, status=Status.REJECTED, error_type="slot_taken", enqueued_at=None)
    for number in range(30, 30 + held):
        [waits] = accept(request(number, account=account))
        soon = text("now() + interval '30 minutes'")
        write(waits, status=Status.HELD, hold_reason=HoldReason.SUSPECT, held_at=text("now()"), start_at=soon)


def tables(told: str) -> dict[str, list[list[str]]]:
    """Return the rows of a report's CSV, by their table."""
    found: dict[str, list[list[str]]] = {}
    for name, *cells in csv.reader(io.StringIO(told, newline="")):
        found.setdefault(name, []).append(cells)
    return found


class Words(HTMLParser):
    """The words of a document, and what it would ask for."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.asked: list[str] = []
        self.feed(document)

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.words += [data.strip()] if data.strip() else []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the document loads or leads to."""
        self.asked += [tag] if tag in {"script", "link", "img", "a", "form"} or dict(attrs).get("src") else []


def test_each_number_of_a_report_is_its_accounts(call: Booking) -> None:
    """Beside an account with other numbers of all kinds, and an outage of that one alone."""
    _, other = make_account(dependencies.current().engine)
    a_day("salon-7", confirmed=3, held=2)
    for number in range(50, 57):
        [waits] = accept(request(number, account=other))
        write(waits, status=Status.HELD, hold_reason=HoldReason.THROTTLED, held_at=text("now()"))
    opened("salon-7")
    opened(None)
    opened(other, began=72_000)

    shown = call("accounts", "report", "salon-7", "--csv")

    assert shown.code == 0
    found = tables(shown.out)
    held, reference = found["Held now"][1], found["At risk"][1:]
    assert (held[:3], len(reference)) == (["set aside: a person looks", "2", "2"], 2)
    assert found["Bookings"][1][1:] == ["6", "3", "1", "0", "0", "0", "2"]
    assert found["Refused, and why"][1:] == [["rejected", "slot taken", "1"]]
    assert [row[0] for row in found["Cancels and moves"][1:]] == ["cancel"]
    assert sorted(row[0] for row in found["Outages"][1:]) == ["Cal.com", "Cal.com, for this account alone"]
    assert other not in shown.out


@pytest.mark.parametrize("form", [(), ("--html",), ("--csv",), ("--json",)])
def test_no_report_has_a_word_of_others_or_of_a_person(call: Booking, form: tuple[str, ...]) -> None:
    """In each form; the names of other accounts, of people, and commands of ours."""
    _, other = make_account(dependencies.current().engine)
    a_day("salon-7", confirmed=1, held=1)

    told = call("accounts", "report", "salon-7", "--since", "30d", *form).out

    assert "salon-7" in told
    assert [word for word in (other, "default", "example.com", "Example", "`booking") if word in told] == []


def test_the_html_needs_nothing_else(call: Booking) -> None:
    """One document, without a script, which loads nothing and leads nowhere."""
    a_day("salon-7", confirmed=1, held=1)

    document = Words(call("accounts", "report", "salon-7", "--html").out)

    assert document.asked == []
    assert {"Bookings of salon-7", "Held now", "set aside: a person looks", "At risk"} <= {*document.words}


def test_an_account_with_nothing_has_an_empty_report(call: Booking) -> None:
    """What is nothing is said so; a wrong order is refused."""
    told = call("accounts", "report", "salon-7").out

    assert [
        line for line in ("Nothing is held.", "None was refused.", "nothing was confirmed") if line not in told
    ] == []
    assert call("accounts", "report", "salon-7", "--html", "--csv").code == 1
    assert "no account has this name" in call("accounts", "report", "nobody").err
