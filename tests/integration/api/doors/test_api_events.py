"""`GET /v1/events`: what callbacks said is read from a cursor on, each key its own, and no late commit is missed."""

import pytest
from sqlalchemy import Connection, text

from booking_client.states import DEFAULT_ACCOUNT
from db.api_keys.keys import Scope
from tests.support.accounts.making import make_account
from tests.support.api.served import ALL, NOT_HELD, Api, Caller, a_request

HOOK = "https://example.com/hooks"
_SETTLED = f"UPDATE appointments SET status = :status, calcom_booking_uid = :uid, {NOT_HELD} WHERE id = :id"  # noqa: S608 - ours


def told_to(api: Api, account: int = DEFAULT_ACCOUNT) -> Caller:
    """Make a key that has a callback address."""
    caller = api.key(account=account)
    api.sql("UPDATE api_keys SET callback_url = :url WHERE name = :name", url=HOOK, name=caller.name)
    return caller


def rejected(api: Api, caller: Caller, conn: Connection | None = None) -> int:
    """Ask for a booking and have it rejected, as a worker does, in a transaction of one's own or that of `conn`."""
    number = caller.booked(a_request())
    if conn is None:
        api.sql(_SETTLED, status="rejected", uid=None, id=number)
    else:
        conn.execute(text(_SETTLED), {"status": "rejected", "uid": None, "id": number})
    return number


def page(caller: Caller, cursor: str | None = None, limit: int = 20) -> tuple[list[int], str]:
    """Return the bookings of the events since a cursor, and the next one."""
    query = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
    answer = caller.call("GET", "/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    return [one["data"]["id"] for one in answer.json()["events"]], answer.json()["next"]


def test_an_event_is_what_its_callback_says(api: Api) -> None:
    """The same body and the same `webhook-id`, whether its receiver took it or not; nothing of a person."""
    caller = told_to(api)
    number = caller.booked(a_request(), key="form-1")
    for status, uid in (("failed", None), ("confirmed", "u1")):
        api.sql(_SETTLED, status=status, uid=uid, id=number)
    api.sql("UPDATE callbacks SET given_up_at = now(), next_at = NULL WHERE appointment_id = :id", id=number)

    [failed, confirmed] = caller.get("/v1/events").json()["events"]

    written = "SELECT extract(epoch FROM min(created_at)) * 1000000 FROM callbacks WHERE appointment_id = :id"
    made = api.sql(written, id=number)
    assert failed["webhook_id"] == f"cb_{number}_1_{int(made):x}"
    assert [one["type"] for one in (failed, confirmed)] == ["booking.failed", "booking.confirmed"]
    assert (confirmed["sequence"], confirmed["data"]["corrects"]) == (2, "booking.failed")
    assert confirmed["data"]["say"] == "You are booked for Tuesday, 5 March at 10:00."
    assert (confirmed["data"]["key"], "example.com" in str(confirmed)) == ("form-1", False)


def test_a_key_reads_its_own_events_alone(api: Api) -> None:
    """Not another key's, nor another account's, also if it sees all of its account; not without the scope `read`."""
    caller, other = told_to(api), told_to(api)
    elsewhere = told_to(api, make_account(api.engine)[0])
    numbers = [rejected(api, one) for one in (caller, other, elsewhere, caller)]

    assert page(caller)[0] == [numbers[0], numbers[3]]
    assert (page(other)[0], page(elsewhere)[0]) == ([numbers[1]], [numbers[2]])
    assert page(api.key(ALL | {Scope.ALL}))[0] == []
    assert api.key({Scope.BOOK}).get("/v1/events").status_code == 403


def test_a_late_commit_is_in_a_later_page(api: Api) -> None:
    """Its transaction began before the one that was read: by number or time it would have been passed by."""
    caller = told_to(api)
    nothing, begun = page(caller)
    with api.engine.connect() as slow:
        late = rejected(api, caller, slow)
        early = rejected(api, caller)
        seen, cursor = page(caller, begun)
        again, same = page(caller, cursor)
        slow.commit()

    assert (nothing, seen, again) == ([], [early], [])
    assert page(caller, same)[0] == page(caller, cursor)[0] == [late]
    assert sorted(page(caller, begun)[0]) == sorted([early, late])


def test_pages_have_each_event_once(api: Api) -> None:
    """Also what commits between two of them; the last one's cursor is where to ask again."""
    caller = told_to(api)
    wanted = [rejected(api, caller) for _ in range(4)]
    cursor, seen = None, list[int]()
    with api.engine.connect() as slow:
        late = rejected(api, caller, slow)
        for _ in range(2):
            found, cursor = page(caller, cursor, limit=2)
            seen += found
        slow.commit()
    newest = rejected(api, caller)
    while True:
        found, cursor = page(caller, cursor, limit=1)
        if not found:
            break
        seen += found

    assert seen == [*wanted, late, newest]
    assert page(caller, cursor)[0] == []


def test_a_forgotten_person_is_in_no_event(api: Api) -> None:
    """The key that may name somebody is taken out of what was said, as of what is sent."""
    caller = told_to(api)
    rejected(api, caller)
    api.sql("UPDATE callbacks SET data = data || '{\"key\": null}', url = '', host = ''")

    [event] = caller.get("/v1/events").json()["events"]

    assert event["data"]["key"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *((f"cursor={wrong}", "cursor") for wrong in ("x", "5:3:", "5:9:4", "5:9:7,6", "0:1:", "/9:5:/1/1", "1:2:3,")),
        (f"cursor={'9' * 30}:{'9' * 30}:", "cursor"),
        ("limit=0", "limit"), ("limit=101", "limit"), ("after=1:1:", "after"),
    ],
)  # fmt: skip
def test_a_cursor_that_is_none_is_422(api: Api, query: str, field: str) -> None:
    """Before PostgreSQL is asked, which would call it an error of ours."""
    answer = told_to(api).get(f"/v1/events?{query}")

    assert (answer.status_code, [one["field"] for one in answer.json().get("errors", ())]) == (422, [field])


def test_in_a_restored_cluster_a_cursor_from_before_begins_anew(api: Api) -> None:
    """Its transactions count from the start: an event comes twice rather than never."""
    caller = told_to(api)
    before = rejected(api, caller)
    api.sql("UPDATE callbacks SET xid = '99999999'")
    after = rejected(api, caller)

    seen, cursor = page(caller, "88888888:88888888:")

    assert sorted(seen) == [before, after]
    assert page(caller, cursor)[0] == []
