"""Whose a booking is, and where it is now: in lists, files, search, its page and `booking show`."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from db.lifecycle import Status
from tests.support.accounts.making import make_account
from tests.support.flower_pages import FlowerUnderTest

LATER = datetime(2031, 5, 5, 9, 0, tzinfo=UTC)


def another(engine: Engine) -> str:
    """Add an account beside `default`; return its name."""
    _, name = make_account(engine)
    with engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET alone = false"))
    return name


def rows_of(flower: FlowerUnderTest) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the list, of its files, and of a search."""
    table = csv.DictReader(io.StringIO(flower.get("/resilience/bookings.csv").text, newline=""))
    ways = {
        "list": flower.get("/resilience/data/bookings").json()["rows"],
        "file": flower.get("/resilience/bookings.json").json(),
        "state": flower.get("/resilience/data/bookings?state=confirmed").json()["rows"],
        "type": flower.get("/resilience/data/bookings?event_type=101&state=confirmed&error_type=none").json()["rows"],
    }
    return {**ways, "table": list(table)}


def test_each_row_names_its_account(flower: FlowerUnderTest, record: Any) -> None:
    """Where there are several."""
    name = another(record.engine)
    own, default = record.keep(idempotency_key="order-1", account=name), record.keep(idempotency_key="order-2")

    shown = {way: {int(one["id"]): one["account"] for one in rows} for way, rows in rows_of(flower).items() if rows}

    assert shown == {way: {own.id: name, default.id: "default"} for way in ("list", "file", "table")}
    found = flower.post("/resilience/data/search", {"q": "order-1"}).json()["rows"]
    assert [one["account"] for one in found] == [name]
    one = flower.get(f"/resilience/data/bookings/{own.id}").json()
    assert one["facts"]["account"] == name


def test_of_one_account_nothing_is_named(flower: FlowerUnderTest, record: Any) -> None:
    """A file has no such column either."""
    row = record.keep()

    shown = rows_of(flower)

    assert [one["account"] for one in shown["list"]] == [None]
    assert "account" not in shown["table"][0]
    assert flower.get(f"/resilience/data/bookings/{row.id}").json()["facts"]["account"] is None


def test_a_moved_booking_has_its_present_start(flower: FlowerUnderTest, record: Any) -> None:
    """Beside the one that was asked for; who moved it is told apart."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1")
    record.write(row.id, booked_start_at=LATER)

    for way, rows in rows_of(flower).items():
        if rows:
            assert [datetime.fromisoformat(one["booked_start_at"]) for one in rows] == [LATER], way
    facts = flower.get(f"/resilience/data/bookings/{row.id}").json()["facts"]
    assert (facts["moved"], datetime.fromisoformat(facts["booked_start_at"])) == ("at Cal.com", LATER)
