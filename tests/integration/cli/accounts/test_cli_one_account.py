"""`--account` of status, report, audit and retry --held: the bookings of that account, and of no other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import func

from db.audits import nights
from db.lifecycle import HoldReason, Status
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.support.audits.nights import Night
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass, write
from worker.cli.orders import retry_held

Booking = Callable[..., Any]
SALON, THEIRS = "salon-7", "cal_test_host10"
NOBODY = "booking: nobody: no account has this name; `booking accounts list` shows them\n"
ASKED = ActionRequest(who="ann", via="command line", action=operations.ADD, why="for a test")


@pytest.fixture
def booking(settings: Callable[..., dict[str, str]], call: Booking) -> Booking:
    """Run `booking ...` where there is an account beside `default`."""
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    operations.add(dependencies.current(), NewAccount(name=SALON), SecretStr(THEIRS), ASKED, first=True)
    return call


def ask(number: int, account: str | None = SALON) -> int:
    """Accept one request."""
    return accept(request(number, account=account))[0]


def held(number: int, account: str | None, reason: HoldReason, age: timedelta) -> int:
    """Hold a booking, since a while."""
    one = ask(number, account)
    write(one, status=Status.HELD, hold_reason=reason, held_at=func.now() - age, enqueued_at=None)
    return one


def counted(shown: Any) -> dict[str, int]:
    """Return the states that bookings are in."""
    return {state: count for state, count in shown["counts"].items() if count}


@pytest.mark.parametrize(
    "command", [("status",), ("report",), ("audit",), ("audit", "--once-unknown"), ("retry", "--held", "suspect")]
)
def test_an_account_that_is_not_there_is_an_error_that_says_where_they_are_listed(
    booking: Booking, command: tuple[str, ...]
) -> None:
    """Nothing is shown of others instead, and nothing is asked."""
    ran = booking(*command, "--account", "nobody")

    assert (ran.code, ran.out, ran.err.endswith(NOBODY)) == (1, "", True)


def test_status_counts_the_bookings_of_the_account(booking: Booking) -> None:
    """By state, by hold and by what waits too long; what the page counts of all is left out."""
    own = held(1, SALON, HoldReason.SUSPECT, timedelta(hours=3))
    for number in range(2, 5):
        held(number, None, HoldReason.CREDENTIALS, timedelta(hours=5))
    ask(5, None)
    let_pass(300)

    shown = booking("status", "--account", SALON, "--json").json
    everything = booking("status", "--json").json

    assert (shown["account"], counted(shown)) == (SALON, {"held": 1})
    assert [(one["reason"], one["count"]) for one in shown["held"]] == [("suspect", 1)]
    assert shown["waiting"]["oldest_pending_at"] is None
    assert not any("for a worker" in problem for problem in shown["problems"])
    assert {"holds", "now", "unknown", "day"}.isdisjoint(shown)
    assert (everything["account"], counted(everything)) == (None, {"held": 4, "pending": 1})
    assert any("for a worker" in problem for problem in everything["problems"])
    assert row(own).status is Status.HELD


def test_status_names_the_account_and_what_stops_it(booking: Booking) -> None:
    """And no other one; --watch shows the whole fleet, and says so."""
    operations.pause(dependencies.current(), SALON, ASKED)

    own, other = booking("status", "--account", SALON).out, booking("status", "--account", "default").out

    assert [" ".join(line.split()) for line in own.splitlines() if line.startswith(("bookings of", "account"))] == [
        "bookings of salon-7, paused",
        "account salon-7: it is paused by an operator",
    ]
    assert "salon-7" not in other
    ran = booking("status", "--account", SALON, "--watch")
    assert (ran.code, "--watch shows the whole fleet" in ran.err) == (2, True)


def test_the_report_of_an_account_has_the_lines_about_its_bookings(booking: Booking) -> None:
    """Other lines are about what accounts share; the default is all accounts."""
    confirmed = [carry(ask(1)), carry(ask(2, None)), carry(ask(3, None))]
    held(4, None, HoldReason.SUSPECT, timedelta(hours=2))
    assert [one.status for one in confirmed] == [Status.CONFIRMED] * 3

    own, all_of_them = (booking("report", *more, "--json") for more in (("--account", SALON), ()))

    assert (own.code, own.json["account"], own.json["success"]["confirmed"]) == (0, SALON, 1)
    assert (own.json["waits"]["confirmed"], own.json["held"]) == (1, [])
    assert [line["name"] for line in own.json["lines"]] == [
        "at first try",
        "in the end",
        "confirmed within",
        "held now",
    ]
    assert (all_of_them.code, all_of_them.json["account"]) == (1, None)
    assert (all_of_them.json["success"]["confirmed"], len(all_of_them.json["held"])) == (3, 1)
    assert booking("report", "--account", SALON).out.splitlines()[0].endswith(f", bookings of {SALON}")


def test_only_what_is_held_of_the_account_is_sent_again(booking: Booking) -> None:
    """Counted, said, recorded and sent."""
    own, other = (
        held(number, whose, HoldReason.SUSPECT, timedelta(hours=1)) for number, whose in ((1, SALON), (2, None))
    )

    asked = booking("retry", "--held", "suspect", "--account", SALON)
    ran = booking("retry", "--held", "suspect", "--account", SALON, "--yes", "--json")

    assert f"1 booking held for suspect, of the account {SALON}: give --yes" in asked.err
    assert (ran.json["account"], ran.json["held"], ran.json["sent"]) == (SALON, 1, 1)
    assert [row(one).status for one in (own, other)] == [Status.PENDING, Status.HELD]
    [action] = booking("actions", "--json").json["actions"][:1]
    assert action["target"]["account"] == SALON


def test_what_many_accounts_have_held_goes_as_the_release_lets_it_go(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of each account, then a pause: else the messages of one would lie before those of all others."""
    monkeypatch.setattr(retry_held, "OF_EACH", 2)
    rounds: list[list[int]] = []
    own = [held(number, SALON, HoldReason.SUSPECT, timedelta(hours=1)) for number in range(1, 6)]
    others = [held(number, None, HoldReason.SUSPECT, timedelta(hours=1)) for number in range(6, 9)]

    def look() -> None:
        rounds.append([sum(row(one).status is Status.PENDING for one in ids) for ids in (own, others)])

    monkeypatch.setattr(retry_held, "pause", look)
    ran = booking("retry", "--held", "suspect", "--yes", "--json")

    assert (ran.code, ran.json["held"], ran.json["sent"]) == (0, 8, 8)
    assert rounds == [[2, 2], [4, 3]]
    assert {row(one).status for one in (*own, *others)} == {Status.PENDING}
    assert "At most 2 of an account go each second" in ran.err
    [action] = booking("actions", "--json").json["actions"][:1]
    assert action["done"] == 8


class TestAudit:
    """One booking of each account is cancelled at Cal.com, where nobody has told us."""

    days = ("audit", "--from", "2030-03-01", "--days", "2")

    @pytest.fixture(autouse=True)
    def cancelled(self, booking: Booking, simulator: Any) -> None:
        """Book, and let the host cancel."""
        assert booking
        self.own, self.other = carry(ask(1)), carry(ask(2, None))
        for one in (self.own, self.other):
            assert one.status is Status.CONFIRMED
            simulator.person("cancel", one.calcom_booking_uid)
        let_pass(3600)

    def test_each_account_is_asked_for_with_its_own_key(self, booking: Booking, simulator: Any) -> None:
        """The one that is named, or all; each finding has its account."""
        before = simulator.journal()[-1]["n"]

        one = booking(*self.days, "--account", SALON, "--json")
        keys = {entry["key"] for entry in simulator.journal(before)}
        both = booking(*self.days, "--json")

        assert (one.code, one.json["account"], one.json["confirmed"], keys) == (1, SALON, 1, {THEIRS})
        assert [(found["account"], found["id"]) for found in one.json["findings"]] == [(SALON, self.own.id)]
        assert (both.code, both.json["account"], both.json["confirmed"]) == (1, None, 2)
        assert {(found["account"], found["id"]) for found in both.json["findings"]} == {
            (SALON, self.own.id),
            ("default", self.other.id),
        }
        told = booking(*self.days).out.splitlines()
        assert [told.index("default") < told.index(SALON), len(told)] == [True, 10]

    def test_an_account_that_cannot_be_asked_stops_no_other(self, booking: Booking) -> None:
        """It is named, and the exit code is 1: silence means that all was judged."""
        operations.pause(dependencies.current(), SALON, ASKED)

        mended = booking(*self.days, "--fix")
        ran, alone = booking(*self.days, "--json"), booking(*self.days, "--account", SALON)

        assert (mended.code, "Fixed 1." in mended.out) == (1, True)
        assert f"{SALON} could not be asked: its account is paused" in mended.err
        assert (ran.code, ran.json["findings"], list(ran.json["not_asked"])) == (1, [], [SALON])
        assert (alone.code, alone.out) == (1, "")
        assert "booking: nothing was judged, and nothing changed" in alone.err

    def test_what_one_account_has_mended_clears_no_others_night(self, booking: Booking, simulator: Any) -> None:
        """The alert of a night is about all accounts."""
        assert Night(datetime(2030, 3, 2, tzinfo=UTC).date(), simulator).go_on()

        one = booking(*self.days, "--account", SALON, "--fix")
        after_one = self.night()
        both = booking(*self.days, "--fix")

        assert (one.code, both.code) == (0, 0)
        found = {kind: sorted(ids) for kind, ids in after_one.items()}
        assert (found, self.night()) == ({"cancelled_there": sorted([self.own.id, self.other.id])}, {})
        assert [row(one.id).status for one in (self.own, self.other)] == [Status.CANCELLED] * 2

    def test_once_unknown_is_of_each_account(self, booking: Booking, simulator: Any) -> None:
        """Whom to call, by the account that booked."""
        ours, theirs = carry(ask(10)), carry(ask(11, None))
        for one in (ours, theirs):
            write(one.id, status=Status.FAILED, sent_at=one.requested_at)
        before = simulator.journal()[-1]["n"]

        one = booking("audit", "--once-unknown", "--account", SALON, "--json")
        keys = {entry["key"] for entry in simulator.journal(before)}
        both = booking("audit", "--once-unknown", "--json")

        assert ([(found["account"], found["id"]) for found in one.json["booked"]], keys) == (
            [(SALON, ours.id)],
            {THEIRS},
        )
        assert {found["account"]: found["id"] for found in both.json["booked"]} == {
            SALON: ours.id,
            "default": theirs.id,
        }
        assert (one.json["asked"], both.json["asked"]) == (1, 2)

    def night(self) -> Any:
        """Return what the last night has found."""
        with dependencies.current().engine.connect() as conn:
            found = nights.last_ended(conn)
        assert found is not None
        return found.findings
