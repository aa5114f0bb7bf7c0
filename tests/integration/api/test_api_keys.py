"""Keys in a running API: revoked, rotated, limited, and guessed at."""

import json
import socket
from typing import Any

import pytest

from tests.support.api.agents import some_arguments
from tests.support.api.served import Api, Serving, a_request
from tests.support.fleet import eventually

REVOKED_WITHIN = 12.0  # seconds: the five that are promised (test_api_bounds.py adds them up), and a busy machine's
_TOOL = {"id": "1", "function": {"name": "book", "arguments": some_arguments()}}
_DOORS: dict[str, tuple[str, Any]] = {
    "book": ("/v1/bookings", a_request()),
    "batch": ("/v1/bookings/batch", {"bookings": [a_request()]}),
    "cancel": ("/v1/bookings/{booking}/cancel", {"reason": "ill"}),
    "voice": (
        "/v1/voice/vapi?type=101&time_zone=Europe/Berlin&within=20",
        {"message": {"type": "tool-calls", "toolCallList": [_TOOL]}},
    ),
    "plain": ("/v1/tools/book?type=101&time_zone=Europe/Berlin&within=20", some_arguments()),
    "mcp": (
        "/v1/mcp?type=101&time_zone=Europe/Berlin&within=20",
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "book", "arguments": some_arguments()}},
    ),
}


def statuses(api: Api, key: str, number: int) -> list[int]:
    """Return the statuses of so many reads with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    return [api.call("GET", "/v1/bookings/1", headers=headers).status_code for _ in range(number)]


def test_a_revoked_key_is_refused_while_all_goes_on(api: Api) -> None:
    """By a process that has just served it, which reads it again within seconds."""
    caller, other = api.key(), api.key()
    caller.booked()

    api.sql("UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=caller.name)

    eventually(lambda: caller.book().status_code == 401, within=REVOKED_WITHIN, what="it is refused")
    assert other.book().status_code == 202


@pytest.mark.parametrize("door", list(_DOORS))
def test_a_key_that_is_revoked_while_its_body_comes_does_nothing(api: Api, door: str) -> None:
    """It was in force when the request began; what counts is the moment when its work begins."""
    caller = api.key()
    booking = caller.booked()
    place, asked = _DOORS[door]
    body = json.dumps(asked).encode()
    head = f"POST {place.format(booking=booking)} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {caller.key}\r\n"
    head += f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(api.address, timeout=60) as conn:
        conn.sendall(head.encode() + body[:-1])
        api.sql("UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=caller.name)
        eventually(lambda: caller.get(f"/v1/bookings/{booking}").status_code == 401, what="others are refused")
        conn.sendall(body[-1:])
        with conn.makefile("rb") as answer:
            status = answer.readline()

    assert status.startswith(b"HTTP/1.1 401 ")
    own = "SELECT count(*) FROM appointments JOIN api_keys ON api_keys.id = api_key_id WHERE name = :name"
    assert api.sql(own, name=caller.name) == 1
    assert api.sql("SELECT count(*) FROM booking_changes WHERE appointment_id = :id", id=booking) == 0


def test_the_last_use_is_recorded(api: Api) -> None:
    """To the minute, so that it costs one write a minute."""
    caller = api.key()
    caller.booked()
    query = "SELECT last_used_at = date_trunc('minute', last_used_at) FROM api_keys WHERE name = :name"

    assert api.sql(query, name=caller.name) is True


def test_an_answer_says_how_many_calls_its_key_has_left(api: Api) -> None:
    """Also one that was refused for its body, or because none was left; what is not counted says nothing."""
    caller, booking = api.key(rate=3), "/v1/bookings/999999999"
    answers = [caller.book(), caller.book({"start": ""}), caller.get(booking), caller.book(), caller.get(booking)]

    told = [(one.status_code, one.headers.get("RateLimit-Policy"), one.headers.get("RateLimit")) for one in answers]
    assert told == [
        (status, '"key";q=3;w=60', f'"key";r={left}')
        for status, left in ((202, 2), (422, 1), (404, 0), (429, 0), (429, 0))
    ]
    uncounted = [api.call("GET", booking), api.call("GET", "/health")]
    assert [one.headers.get("RateLimit") for one in uncounted] == [None, None]


def test_a_key_that_calls_too_often_is_told_when_to_come_again(api: Api) -> None:
    """429 with Retry-After; nothing is stored, and other keys go on."""
    caller = api.key(rate=5)
    first = [caller.book().status_code for _ in range(5)]

    refused = caller.book()

    assert first == [202] * 5
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 12
    assert api.key().book().status_code == 202


def test_what_is_refused_counts_as_a_call(api: Api) -> None:
    """Else a thief of a key could try bodies without end."""
    caller = api.key(rate=3)
    headers = {"Content-Type": "application/json"}

    answers = [caller.call("POST", "/v1/bookings", data=b"[", headers=headers).status_code for _ in range(4)]

    assert answers == [400, 400, 400, 429]


@pytest.mark.long
def test_who_guesses_keys_is_stopped_and_who_has_one_is_not(serving: Serving) -> None:
    """20 wrong keys a minute from one address; good keys from there go on, also one that has never come before."""
    api = serving.start()
    good, guessed = api.key(), api.key()
    api.sql("UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=guessed.name)
    assert good.book().status_code == 202

    wrong = statuses(api, "bw_none", 15) + statuses(api, guessed.key, 8)

    assert wrong[:20] == [401] * 20
    assert wrong[20:] == [429] * 3
    assert good.book().status_code == api.key().book().status_code == 202


@pytest.mark.long
def test_a_header_is_believed_from_a_proxy_alone(serving: Serving) -> None:
    """Else who guesses could have a new address each time."""
    plain, behind = serving.start(), serving.start(TRUSTED_PROXIES="127.0.0.0/8")

    def guess(api: Api) -> list[int]:
        wrong = {"Authorization": "Bearer bw_none"}
        sent = [{**wrong, "X-Forwarded-For": f"198.51.100.{number}"} for number in range(25)]
        return [api.call("GET", "/v1/bookings/1", headers=headers).status_code for headers in sent]

    assert 429 in guess(plain)
    assert 429 not in guess(behind)
