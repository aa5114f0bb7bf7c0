"""Each row of the two tables of the HTTP API: what is asked, and what is answered (docs/integrating.md)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from db.api_keys.keys import Scope
from tasks import dependencies
from tests.support.api.served import ALL, REQUEST, Api, a_request
from tests.support.fleet import eventually
from tests.support.statements import statements
from tests.unit.api.test_keeping import key as a_key
from worker.api.bookings import _parsed_each
from worker.api.problems import ApiError

PAST = "2020-03-05T10:00:00+01:00"


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the type of a problem, whose form is checked."""
    document = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert document["status"] == answer.status_code
    assert {"type", "title", "status"} <= document.keys() <= {"type", "title", "status", "detail", "errors", "say"}
    return answer.status_code, document["type"].removeprefix("/problems/")


def test_a_booking_is_stored(api: Api) -> None:
    """202 with its place, in UTC, with a sentence in the attendee's time."""
    answer = api.key().book(REQUEST)
    shown = answer.json()

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/bookings/{shown['id']}"
    assert shown["say"] == (
        "One moment more: I have your request for Tuesday, 5 March at 10:00, and we will confirm it."
    )
    assert shown | {"id": 0, "reference": "", "say": "", "requested_at": ""} == {
        "id": 0, "reference": "", "status": "pending", "ahead": 0, "hold_reason": None, "start": "2030-03-05T09:00:00Z",
        "final": False, "needs_host": False, "error_type": None, "say": "", "requested_at": "",
    }  # fmt: skip
    row = "SELECT api_key_id IS NOT NULL AND attendee_email = 'pat@example.com' FROM appointments WHERE id = :id"
    assert api.sql(row, id=shown["id"])


def test_a_request_that_is_known_gets_the_same_booking(api: Api) -> None:
    """200, by a given key, quoted or bare, and by the derived one."""
    caller, given, derived = api.key(), a_request(), a_request()
    first, second = caller.booked(given, key="form-7841"), caller.booked(derived)

    again = [caller.book(given, key='"form-7841"'), caller.book(given, key="form-7841"), caller.book(derived)]

    assert [(one.status_code, one.json()["id"]) for one in again] == [(200, first), (200, first), (200, second)]
    assert all(one.headers["Location"].endswith(str(one.json()["id"])) for one in again)


def test_a_repeat_of_what_is_over_is_answered_as_its_booking(api: Api) -> None:
    """Alone and in a batch: why it was rejected, and for a key of the scope its uid, are in no receipt."""
    caller = api.key(ALL | {Scope.UID})
    taken, booked = a_request(idempotency_key="taken"), a_request(idempotency_key="booked")
    numbers = [caller.booked(taken), caller.booked(booked)]
    api.sql("UPDATE appointments SET status = 'rejected', error_type = 'taken' WHERE id = :id", id=numbers[0])
    confirmed = "UPDATE appointments SET status = 'confirmed', calcom_booking_uid = 'uid-1' WHERE id = :id"
    api.sql(confirmed, id=numbers[1])

    alone = [caller.book(asked).json() for asked in (taken, booked)]
    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [taken, a_request(), booked]}).json()["results"]

    assert "is taken" in alone[0]["say"]
    assert [one["uid"] for one in alone] == [None, "uid-1"]
    assert [one["status"] for one in batch] == [200, 202, 200]
    assert [one["change"] for one in alone] == [None, None]
    assert [batch[0]["booking"], batch[2]["booking"]] == alone


def test_a_key_of_another_request_is_refused(api: Api) -> None:
    """422, and nothing is stored; in a batch the body holds the key."""
    caller = api.key()
    caller.booked(a_request(), key="once")
    batch = {"bookings": [a_request(idempotency_key="once"), a_request(idempotency_key="new")]}

    assert problem(caller.book(a_request(), key="once")) == (422, "key-reused")
    results = caller.call("POST", "/v1/bookings/batch", json=batch).json()["results"]
    assert [one["status"] for one in results] == [422, 202]
    assert results[0]["type"] == "/problems/key-reused"


def test_a_repeat_after_the_start_is_answered_with_its_booking(api: Api) -> None:
    """The key comes before the clock, alone and in a batch; a key that is not known is late, as one without a key."""
    caller = api.key()
    for seconds in (3, 10, 30):  # the first is too soon where the machine stands still
        start = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
        given = a_request(start=start.isoformat(), idempotency_key="late")
        booked = caller.book(given)
        if booked.status_code == 202:
            break
    number = booked.json()["id"]
    eventually(lambda: datetime.now(UTC) > start, what="its start has passed")
    other = {**given, "idempotency_key": "later"}
    keyless = {name: value for name, value in given.items() if name != "idempotency_key"}

    again = [caller.book(given), caller.book(keyless, key="late")]
    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [given, other]}).json()["results"]

    assert [(one.status_code, one.json().get("id")) for one in again] == [(200, number)] * 2
    assert [one["status"] for one in batch] == [200, 422]
    assert batch[0]["booking"]["id"] == number
    for late in (caller.book(other), caller.book(keyless), api.key().book(given)):
        assert problem(late) == (422, "invalid")
        assert late.json()["errors"] == [{"field": "start", "message": "is in the past"}]
    assert problem(caller.book({**given, "attendee": {**given["attendee"], "name": "Other"}})) == (422, "key-reused")


def test_the_keys_of_a_batch_are_looked_up_by_one_statement(settings: Callable[..., Any]) -> None:
    """A thousand late ones would have a thread ask a thousand times; a batch without a late key asks nothing."""
    settings()
    late = [a_request(start=PAST, idempotency_key=f"late-{number}") for number in range(5)]
    told = []
    for batch in (late, [a_request(), a_request(start=PAST)]):
        with statements(dependencies.current().engine) as sent:
            parsed = _parsed_each(batch, a_key(1))
        told.append((len(sent), [isinstance(one, ApiError) for one in parsed]))

    assert told == [(1, [True] * 5), (0, [False, True])]


def test_two_keys_of_the_header_are_refused(api: Api) -> None:
    """400, also of two equal ones, for a booking and for a change; nothing is stored."""
    caller = api.key()
    number = caller.booked()
    host = urlsplit(api.url)

    def answer(path: str, body: Any) -> tuple[int, str | None]:
        conn = HTTPConnection(str(host.hostname), host.port or 80, timeout=api.patience)
        conn.putrequest("POST", path)
        text = json.dumps(body).encode()
        given = [("Authorization", f"Bearer {caller.key}"), ("Content-Type", "application/json")]
        for name, value in (*given, *[("Idempotency-Key", "two headers")] * 2, ("Content-Length", str(len(text)))):
            conn.putheader(name, value)
        conn.endheaders(text)
        answered = conn.getresponse()
        document = json.loads(answered.read())
        conn.close()
        return answered.status, document.get("type")

    answers = answer("/v1/bookings", a_request()), answer(f"/v1/bookings/{number}/cancel", {})
    assert answers == ((400, "/problems/bad-key"),) * 2
    assert api.sql("SELECT count(*) FROM appointments WHERE idempotency_key LIKE :key", key="%two headers") == 0
    assert api.sql("SELECT count(*) FROM booking_changes WHERE appointment_id = :id", id=number) == 0


def test_the_key_of_the_header_and_of_the_body_must_agree(api: Api) -> None:
    """A caller that gives both means one."""
    caller = api.key()

    answer = caller.book(a_request(idempotency_key="one"), key="other")

    assert problem(answer) == (422, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == ["idempotency_key"]
    assert caller.book(a_request(idempotency_key="one"), key="one").status_code == 202


def test_a_batch_has_a_result_for_each(api: Api) -> None:
    """200, in their order: stored, known, wrong; two of one key get one booking."""
    caller, twice = api.key(), a_request()
    known = a_request()
    number = caller.booked(known)

    answer = caller.call("POST", "/v1/bookings/batch", json={"bookings": [twice, 5, known, {}, twice]})
    results = answer.json()["results"]

    assert answer.status_code == 200
    assert [one["status"] for one in results] == [202, 422, 200, 422, 200]
    assert results[2]["booking"]["id"] == number
    assert results[0]["booking"]["id"] == results[4]["booking"]["id"]
    assert [error["field"] for error in results[3]["errors"]] == ["start", "attendee"]


@pytest.mark.parametrize(
    "body", [{}, {"bookings": []}, {"bookings": {}}, {"bookings": [{}] * 1001}, {"bookings": [{}], "more": 1}]
)
def test_a_batch_that_is_none_is_refused(api: Api, body: dict[str, Any]) -> None:
    """1 to 1,000 requests, and nothing else."""
    assert problem(api.key().call("POST", "/v1/bookings/batch", json=body)) == (422, "invalid")


def test_a_booking_is_read_by_its_id_and_its_key(api: Api) -> None:
    """200; a settled one is answered at once, whatever the wait."""
    caller = api.key()
    number = caller.booked(key="the one")
    api.sql("UPDATE appointments SET status = 'rejected', error_type = 'taken' WHERE id = :id", id=number)

    by_id = caller.get(f"/v1/bookings/{number}?wait=20")
    by_key = caller.get("/v1/bookings?key=the+one")

    assert by_id.status_code == by_key.status_code == 200
    assert by_id.json() == by_key.json()
    assert (by_id.json()["status"], by_id.json()["final"]) == ("rejected", True)
    assert by_id.json()["say"] == "Tuesday, 5 March at 10:00 is taken. Which other time suits you?"


@pytest.mark.parametrize("path", ["0", "999999999999999999", "9" * 30, "abc", "1.0", "-1", "%00", "1%2F2"])
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    """An id that is none names no booking, either."""
    assert api.key().get(f"/v1/bookings/{path}").status_code == 404
    assert problem(api.key().get("/v1/bookings?key=nobody%00"))[0] == 404


def test_a_person_is_found_in_a_body(api: Api) -> None:
    """The caller's own bookings of an address or a number, within the period, the earliest first."""
    caller = api.key()
    mail = {"email": "found@example.com"}
    late = caller.booked(a_request(attendee=mail, start="2031-05-05T10:00:00Z"))
    early = caller.booked(a_request(attendee={**mail, "phone_number": "+12025550143"}))
    caller.booked(a_request(attendee=mail, start="2033-05-05T10:00:00Z"))
    period = {"from": "2030-01-01T00:00:00Z", "to": "2032-01-01T00:00:00Z"}

    by_mail = caller.call("POST", "/v1/bookings/find", json={"email": "Found@example.com", **period})
    by_phone = caller.call("POST", "/v1/bookings/find", json={"phone": "+1 202 555 0143", **period})

    assert [one["id"] for one in by_mail.json()["bookings"]] == [early, late]
    assert [one["id"] for one in by_phone.json()["bookings"]] == [early]


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"email": "a@example.com"}, "from"), ({"from": "x"}, "from"), ({"name": "Pat"}, "name"), ({}, "from")],
)
def test_a_search_without_a_person_or_a_period_is_refused(api: Api, asked: dict[str, str], field: str) -> None:
    """422 names the field."""
    answer = api.key().call("POST", "/v1/bookings/find", json=asked)

    assert problem(answer) == (422, "invalid")
    assert field in [one["field"] for one in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "not-json"), (b"[]", "not-json"), (b"5", "not-json"), (b'{"a":1,"a":2}', "not-json"),
        (b'{"a":NaN}', "not-json"), (b'{"a":' + b"9" * 10_000 + b"}", "not-json"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "not-json"), (b'{"a":' * 70 + b"1" + b"}" * 70, "not-json"),
        (b'{"a":"\xff"}', "not-utf8"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_object_of_json_is_400(api: Api, body: bytes, kind: str) -> None:
    """Also what has two meanings, is too deep, or is no text."""
    answer = api.key().call("POST", "/v1/bookings", data=body, headers={"Content-Type": "application/json"})

    assert problem(answer) == (400, kind)


@pytest.mark.parametrize("key", ["", '""', '"a', 'a"\x80', "x" * 256, '"a"b"', '"\\x"'])
def test_an_idempotency_key_that_is_none_is_400(api: Api, key: str) -> None:
    """1 to 255 printable characters of ASCII, quoted or bare."""
    assert problem(api.key().book(key=key)) == (400, "bad-key")


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer bw_x", "Basic YTpi", f"Bearer bw_{'0' * 8}_{'0' * 49}"])
@pytest.mark.parametrize("path", ["/v1/bookings/1", "/v1/bookings?key=a"])
def test_no_key_or_a_wrong_one_is_401(api: Api, given: str | None, path: str) -> None:
    """No more is said than that a key is needed."""
    answer = api.call("GET", path, headers={} if given is None else {"Authorization": given})

    assert problem(answer) in {(401, "unauthorized"), (429, "rate-limited")}
    assert answer.status_code == 429 or answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("POST", "/v1/bookings", Scope.BOOK), ("POST", "/v1/bookings/batch", Scope.BOOK),
        ("GET", "/v1/bookings/1", Scope.READ), ("GET", "/v1/bookings?key=a", Scope.READ),
        ("POST", "/v1/bookings/find", Scope.FIND),
    ],
)  # fmt: skip
def test_each_endpoint_needs_its_scope(api: Api, method: str, path: str, needs: Scope) -> None:
    """403 for a key that has all others."""
    assert problem(api.key(set(Scope) - {needs}).call(method, path, json={})) == (403, "scope")
    assert api.key({needs}).call(method, path, json={}).status_code != 403


def test_a_key_books_its_own_event_types_alone(api: Api) -> None:
    """By their ids; a slug may name any type."""
    caller = api.key(ALL, event_types=[101])
    by_slug = {**a_request(), "event_type_slug": "intro", "username": "pat"}
    del by_slug["event_type_id"]

    assert caller.book(a_request()).status_code == 202
    assert problem(caller.book(a_request(event_type_id=102))) == (403, "scope")
    assert problem(caller.book(by_slug)) == (403, "scope")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/bookings", "GET, HEAD, POST"), ("PUT", "/v1/bookings/1", "GET, HEAD"),
        ("GET", "/v1/bookings/batch/x", None), ("POST", "/docs", "GET, HEAD"),
    ],
)  # fmt: skip
def test_another_method_is_405_with_those_that_are_allowed(
    api: Api, method: str, path: str, allowed: str | None
) -> None:
    """A path that is none is 404."""
    answer = api.key().call(method, path)

    assert problem(answer) == ((404 if allowed is None else 405), "about:blank")
    assert answer.headers.get("Allow") == allowed


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_another_media_type_is_415(api: Api, kind: str | None) -> None:
    """Only application/json is read."""
    answer = api.key().call("POST", "/v1/bookings", data=b"{}", headers={} if kind is None else {"Content-Type": kind})

    assert problem(answer) == (415, "about:blank")


def test_what_is_too_large_is_413(api: Api) -> None:
    """64 KB for a request, a megabyte for a batch."""
    caller, long = api.key(), {"metadata": {"a": "x" * 70_000}}

    assert problem(caller.book(a_request(**long))) == (413, "too-large")
    assert caller.call("POST", "/v1/bookings/batch", json={"bookings": [long]}).status_code == 200
    assert problem(caller.call("POST", "/v1/bookings/batch", json={"bookings": [long] * 16})) == (413, "too-large")


def test_a_wrong_field_is_422_without_its_value(api: Api) -> None:
    """Each with its reason; what was sent is never repeated."""
    answer = api.key().book(a_request(start="yesterday-secret", attendee={"email": "not-an-address-secret"}))

    assert problem(answer) == (422, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == ["start", "attendee.email"]
    assert "secret" not in answer.text


def test_a_body_names_no_account(api: Api) -> None:
    """The API key says whose Cal.com it is; the document does not have the field either."""
    answer = api.key().book({**a_request(), "account": "default"})

    assert problem(answer) == (422, "invalid")
    assert [one["field"] for one in answer.json()["errors"]] == ["account"]
    assert (
        "account"
        not in api.key().get("/v1/openapi.json").json()["components"]["schemas"]["BookingRequest"]["properties"]
    )


@pytest.mark.parametrize("wait", ["-1", "21", "nan", "inf", "x", ""])
def test_a_wait_that_is_none_is_422(api: Api, wait: str) -> None:
    """0 to 20 seconds."""
    assert problem(api.key().get(f"/v1/bookings/1?wait={wait}")) == (422, "invalid")


def test_health_and_ready_need_no_key(api: Api) -> None:
    """They say no more than that."""
    assert [api.call("GET", path).json() for path in ("/health", "/ready")] == [{"status": "ok"}] * 2


def test_the_page_of_the_api_loads_nothing_from_elsewhere(api: Api) -> None:
    """Its files are ours, and its policy allows no other host."""
    page = api.call("GET", "/docs")
    files = [api.call("GET", f"/docs/{name}") for name in ("docs.js", "swagger-ui.css", "swagger-ui-bundle.js")]

    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert [one.status_code for one in files] == [200] * 3
    assert api.call("GET", "/docs/docs.html").status_code == api.call("GET", "/docs/..%2fapp.py").status_code == 404


@pytest.mark.parametrize("given", ["mine-1", "not one\u00e4", "x" * 101])
def test_each_answer_has_a_correlation_id(api: Api, given: str) -> None:
    """The caller's, if it is one, which the booking's row has, too; else a new one."""
    headers = {"X-Correlation-Id": given.encode()}
    answer = api.key().call("POST", "/v1/bookings", json=a_request(), headers=headers)
    told = answer.headers["X-Correlation-Id"]

    assert (told == given) == (given == "mine-1")
    assert api.sql("SELECT correlation_id FROM appointments WHERE id = :id", id=answer.json()["id"]) == told
    assert "X-Correlation-Id" in api.call("GET", "/nothing").headers
