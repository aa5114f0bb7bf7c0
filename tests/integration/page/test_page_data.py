"""The page's data by HTTP: what is unchanged is not sent again, what is asked for wrongly is said."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from db.lifecycle import HoldReason, Status
from tests.support.accounts.making import make_account
from tests.support.fleet import Fleet, eventually
from tests.support.flower_pages import FlowerUnderTest, start_flower

MINUTE = timedelta(minutes=1)


def held(record: Any, **changes: Any) -> Any:
    """Keep a request that is held."""
    row = record.claim(record.keep(**changes).id)
    assert record.move(row, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN, by="worker", why="open")
    return record.read(row.id)


def test_what_is_unchanged_is_not_sent_again(flower: FlowerUnderTest, record: Any) -> None:
    """A 304 by the tag of all but the moment of the reading; a booking that is held makes another answer."""
    record.keep()

    def unchanged() -> Any:
        first = flower.get("/resilience/data/overview")
        read_at = first.json()["read_at"]
        eventually(lambda: flower.get("/resilience/data/overview").json()["read_at"] != read_at, what="another reading")
        again = flower.get("/resilience/data/overview", headers={"If-None-Match": first.headers["Etag"]})
        return again.status_code == 304 and (first, again)

    first, again = eventually(unchanged, what="two readings alike")
    assert again.content == b""
    assert again.headers["Date"]
    assert again.headers["Etag"] == first.headers["Etag"]

    held(record)
    tag = {"If-None-Match": first.headers["Etag"]}
    changed = eventually(
        lambda: (now := flower.get("/resilience/data/overview", headers=tag)).ok and now.content and now
    )
    assert changed.headers["Etag"] != first.headers["Etag"]
    assert [hold["count"] for hold in changed.json()["holds"]] == [1]


def test_with_nothing_booked_yet_the_page_has_what_to_try(flower: FlowerUnderTest, record: Any) -> None:
    """A command that books one; after the first booking there is none."""
    first = flower.get("/resilience/data/overview").json()
    assert first["first_day"] is True
    assert "enqueue -" in first["try"]
    record.keep()
    eventually(lambda: flower.get("/resilience/data/overview").json()["try"] is None)


def test_a_list_is_filtered_sorted_and_paged_by_its_address(flower: FlowerUnderTest, record: Any) -> None:
    """Each booking once, however many pages; a count; nothing personal in any."""
    rows = [held(record, start_at=record.new().start_at - number * MINUTE) for number in range(5)]
    record.keep()
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        address = f"/resilience/data/bookings?state=held&sort=start&limit=2&after={after}"
        page = flower.get(address).json()
        assert (page["count"], page["capped"]) == (5, False)
        seen += [row["id"] for row in page["rows"]]
        after = page["next"]
    assert seen == [row.id for row in sorted(rows, key=lambda row: row.start_at)]
    everything = flower.get("/resilience/data/bookings").text
    assert '"event_type":"101"' in everything
    assert "Ann" not in everything
    assert "@" not in everything


WRONG = {
    "bookings?state=lost": "state: must be one of pending, ",
    "bookings?stat=held": "stat: there is no such filter",
    "bookings?start_from=tomorrow": "start_from: must be a moment such as",
    "bookings?start_from=2026-11-26T07:00:00": "start_from: lacks a time zone",
    "bookings?start_to=0001-01-01T00:00:00%2B14:00": "start_to: must be a moment of our time",
    "bookings?account=No%20Name": "account: must be a name of a-z",
    "bookings?ids=1,zwei": "ids: must be a number from 1 to",
    "bookings?ids=" + ",".join(["1"] * 1001): "ids: at most 1,000 at once",
    "bookings?limit=100000": "limit: must be a number from 1 to 200",
    "bookings?after=nowhere": "after: no page has given this",
    "bookings?event_type=" + "x" * 257: "event_type: too long",
    "charts?range=1y": "range: must be one of 1h, 24h, 7d",
}


def test_what_is_asked_for_wrongly_is_said(flower: FlowerUnderTest) -> None:
    """422 and a sentence, which names what is wrong; never a traceback, never another list than was asked for."""
    for address, said in WRONG.items():
        answer = flower.get(f"/resilience/data/{address}")
        assert (answer.status_code, answer.json()["error"][: len(said)]) == (422, said), address
    for strange in ("bookings?event_type=%25s%00%E2%80%AE", "bookings?ids=999999999999999999"):
        assert flower.get(f"/resilience/data/{strange}").json()["rows"] == [], strange


def found(flower: FlowerUnderTest, text: Any, *, account: str | None = None, **more: Any) -> Any:
    """Return the answer to a search."""
    asked = {"q": text} if account is None else {"q": text, "account": account}
    return flower.post("/resilience/data/search", asked, **more)


def test_what_is_searched_for_stands_in_no_address(fleet: Callable[..., Fleet], record: Any) -> None:
    """A GET is refused, whatever it names; a POST is for users who may read, for no other, and is stored nowhere."""
    row = record.keep()
    flower = start_flower(fleet, "--read_only=True", login=True)
    asked = f"/resilience/data/search?q={row.id}"
    assert (flower.get(asked).status_code, "rows" in flower.get(asked).json()) == (405, False)
    answer = found(flower, str(row.id))
    assert ([one["id"] for one in answer.json()["rows"]], answer.headers["Cache-Control"]) == ([row.id], "no-store")
    flower.auth = ("ann", "wrong")
    assert found(flower, str(row.id), token=False).status_code == 401


def test_a_search_that_is_none_is_said(flower: FlowerUnderTest) -> None:
    """422 and a sentence that does not repeat it; what nobody has is found nowhere."""
    for text, said in {"": "q: give an id", "x" * 257: "q: give an id", 7: "q: input should be a valid string"}.items():
        answer = found(flower, text)
        assert (answer.status_code, answer.json()["error"][: len(said)]) == (422, said), text
    for strange in ("nobody", "\u202e", "%s\x00", "ann@example.com"):
        assert found(flower, strange).json() == {"rows": []}, strange


def test_a_search_of_an_account_finds_its_bookings_alone(flower: FlowerUnderTest, record: Any) -> None:
    """By the same key each account has its own; of all accounts both; an account that is not there is said."""
    _, name = make_account(record.engine)
    own, other = record.keep(idempotency_key="order-1", account=name), record.keep(idempotency_key="order-1")

    def ids(account: str | None = None) -> list[int]:
        return [one["id"] for one in found(flower, "order-1", account=account).json()["rows"]]

    assert (ids(name), ids("default"), ids()) == ([own.id], [other.id], [other.id, own.id])
    for wrong, said in {"nobody": "account: there is no such account", "No Name": "account: must be a name of"}.items():
        answer = found(flower, "order-1", account=wrong)
        assert (answer.status_code, answer.json()["error"][: len(said)]) == (422, said)


def test_one_booking_tells_its_story_and_nothing_personal(flower: FlowerUnderTest, record: Any) -> None:
    """Found by each of its names; why it is not moving, what happened, and what may be done; or 404."""
    row = held(record, start_at=record.new().start_at)
    answer = flower.get(f"/resilience/data/bookings/{row.id}")
    one = answer.json()
    assert (one["status"], one["hold_reason"]) == ("held", "breaker_open")
    assert one["why"].startswith("The breaker was open when its turn came. Now the line moves")
    assert [one["timeline"][end]["kind"] for end in (0, -1)] == ["held", "asked"]
    assert one["actions"] == ["reschedule", "cancel"], "what waits for the breaker goes by itself"
    assert "Ann Example" not in answer.text
    assert "@example.com" not in answer.text
    for name in (row.id, row.uuid, row.idempotency_key, row.correlation_id):
        assert [one["id"] for one in found(flower, str(name)).json()["rows"]] == [row.id]

    missing = flower.get("/resilience/data/bookings/999999")
    assert (missing.status_code, missing.json()) == (404, {"error": "no booking has the id 999999"})


def test_charts_share_one_axis(flower: FlowerUnderTest) -> None:
    """Each column is as long as the axis, whose end is the present; what nobody counted is a gap."""
    for span, steps in {"1h": 60, "24h": 144, "7d": 168}.items():
        charts = flower.get(f"/resilience/data/charts?range={span}").json()
        columns = [charts[name] for name in ("t", "held", "booked", "accepted", "p50", "p95")]
        assert [len(column) for column in columns] == [steps] * 6
        assert charts["t"][-1] + charts["step"] == charts["until"]
        assert set(charts["held"]) == {None}
        assert charts["breaker"][0]["name"] == "calcom"
        assert all(lane["spans"][-1]["to"] is None for lane in charts["breaker"] if lane["spans"])
        assert set(charts["unsure"]) == {2}, "nothing was ever aggregated"


def test_a_list_looks_on_behind_a_place(flower: FlowerUnderTest, record: Any) -> None:
    """For as long as one answer may take, and without counting; what is no place is refused."""
    kept = [record.keep(event_type_id=101 + n % 2) for n in range(4)]
    first = flower.get("/resilience/data/bookings?limit=1").json()

    rest = flower.get(f"/resilience/data/bookings?event_type=101&look=1&after={first['next']}").json()
    wrong = flower.get("/resilience/data/bookings?look=1&after=here")

    assert [row["id"] for row in rest["rows"]] == [kept[2].id, kept[0].id]
    assert (rest["next"], rest["looked"], rest["down_to"], "count" in rest) == (None, 0, None, False)
    assert wrong.status_code == 422
