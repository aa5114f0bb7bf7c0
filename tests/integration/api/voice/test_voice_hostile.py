"""What comes to a voice agent's address from anybody else ends with a documented answer."""

import json
import time
from collections.abc import Callable

import pytest

from db.api_keys.key_text import new_key
from db.api_keys.keys import Scope
from tasks.callers.sentences import not_accepted
from tests.support.api.agents import AGENTS, RETELL_KEY, VAPI_SECRET, address, post_signed, some_arguments, vapi_calls
from tests.support.api.served import ALL, Api, Serving
from tests.support.fleet import eventually
from worker.api.voice.signatures import sign

RETELL, VAPI, BOOK = "/v1/voice/retell", "/v1/voice/vapi", "/v1/voice/retell/book"
OTHER = {"message": {"type": "status-update"}}
WRONG: tuple[Callable[[int], str], ...] = (
    lambda _: "v=1,d=" + "0" * 64,
    lambda _: "x",
    lambda _: "v=,d=",
    lambda _: f"v={'9' * 5000},d={'a' * 64}",
    lambda now: sign(b"{ }", RETELL_KEY, now),
    lambda now: sign(b"{}", "another", now),
    lambda now: sign(b"{}", RETELL_KEY, now).upper(),
    lambda now: sign(b"{}", RETELL_KEY, now - 400_000),
    lambda now: sign(b"{}", RETELL_KEY, now + 400_000),
)
"""Signatures that count for nothing, by the time at which they are sent (in ms)."""
BODIES = {
    b"": 400, b"[]": 400, b'{"a":1,"a":2}': 400, b'{"name":"book"': 400, b'{"a":"\xff"}': 400, b'{"a":NaN}': 400,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000: 400, b'{"name":"\\u0000"}': 200, b'{"name":["book"],"call":5}': 200,
    b'{"args":{},"call":{"call_id":"\\u0000"},"name":"book"}': 200,
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_a_wrong_signature_is_401(api: Api, wrong: Callable[[int], str]) -> None:
    """Of another body, another key, too old, too early, or none."""
    signature = wrong(round(time.time() * 1000))
    answer = post_signed(api.key(), address(api.key(), BOOK), b"{}", signature=signature)

    assert answer.status_code in {401, 429}, answer.text
    assert answer.json()["type"] in {"/problems/unauthorized", "/problems/rate-limited"}
    assert api.sql("SELECT count(*) FROM appointments WHERE idempotency_key LIKE '%retell%'") == 0


def test_both_keys_of_retell_are_taken_and_no_key_of_ours_is_guessed(api: Api) -> None:
    """While a key is changed, two are in force; the handle of no key, or of one without the scope, opens nothing."""
    caller, other = api.key(), api.key(ALL - {Scope.VOICE})

    signed = [post_signed(caller, address(caller, BOOK), b"{}", key=key) for key in ("old-retell-key", RETELL_KEY)]
    nobody = [post_signed(caller, address(caller, BOOK, key=key), b"{}") for key in ("", "00000000", "'; --")]
    without = post_signed(other, address(other, BOOK), b"{}")

    assert [one.status_code for one in signed] == [200, 200]
    assert {one.status_code for one in nobody} <= {401, 429}
    assert without.status_code == 403


@pytest.mark.parametrize("path", [RETELL, BOOK, VAPI])
def test_a_hostile_body_has_a_documented_answer(api: Api, path: str) -> None:
    """Cut, doubled, deep, no text: 400; too large: 413; another type: 415; what can be read has a sentence."""
    caller = api.key()

    def send(body: bytes, kind: str = "application/json") -> int:
        signed = sign(body, RETELL_KEY, round(time.time() * 1000))
        headers = {"X-Retell-Signature": signed, "Content-Type": kind}
        return int(caller.call("POST", address(caller, path), data=body, headers=headers).status_code)

    no_message = {200: 422} if path == VAPI else {}  # arguments alone are no message of Vapi's
    assert {body: send(body) for body in BODIES} == {body: no_message.get(one, one) for body, one in BODIES.items()}
    assert send(b'{"a":"' + b"x" * 2 * 1024 * 1024 + b'"}') == 413
    assert send(b"{}", "text/plain") == 415


@pytest.mark.parametrize(
    "parameter",
    [
        {"type": "x"}, {"type": "9" * 99}, {"within": "nan"}, {"within": "0.1"}, {"lang": "tlh"}, {"time_zone": "Mars"},
        {"call_id": "{{call_id}}"}, {"call_id": ""},
    ],
)  # fmt: skip
def test_a_wrong_address_is_422(api: Api, parameter: dict[str, str]) -> None:
    """A mistake of the set-up is told, and not spoken: also a call's id that nobody has filled in."""
    answer = post_signed(api.key(), address(api.key(), BOOK, **parameter), b"{}")

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == list(parameter)


def test_the_address_names_a_type_of_the_key(api: Api) -> None:
    """Another type is 403, no type 422, and the key's only one needs no name."""
    caller, one_type = api.key(event_types=[102]), api.key(event_types=[101])
    body = json.dumps(some_arguments()).encode()
    no_type = address(one_type, BOOK).replace("type=101", "lang=en")

    assert post_signed(caller, address(caller, BOOK), body).status_code == 403
    assert post_signed(one_type, no_type, b"{}").status_code == 200
    assert post_signed(api.key(), address(api.key(), BOOK).replace("type=101", "lang=en"), b"{}").status_code == 422


def test_vapi_proves_itself_by_its_secret_or_by_a_key(api: Api) -> None:
    """With the secret the address names the key; a wrong secret is 401, also beside a good key."""
    caller = api.key()
    path = address(caller, VAPI)

    by_secret = api.call("POST", path, json=OTHER, headers={"X-Vapi-Secret": VAPI_SECRET})
    wrong = caller.call("POST", path, json=OTHER, headers={"X-Vapi-Secret": "guessed"})
    nothing = api.call("POST", path, json=OTHER)

    assert (by_secret.status_code, by_secret.json()) == (200, {})
    assert {wrong.status_code, nothing.status_code} <= {401, 429}
    assert vapi_calls(caller, [], "c").json() == {"results": []}


def test_an_unknown_tool_in_the_address_is_404(api: Api) -> None:
    """Its set-up is wrong."""
    answer = post_signed(api.key(), address(api.key(), f"{RETELL}/explode"), b"{}")

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-tool")


def test_without_secrets_no_agent_comes_in(serving: Serving) -> None:
    """A deployment that has no agent has no such door."""
    api = serving.start(RETELL_API_KEYS="", VAPI_SECRETS="")
    caller = api.key()

    assert post_signed(caller, address(caller, BOOK), b"{}", key="").status_code == 401
    assert api.call("POST", address(caller, VAPI), json={}, headers={"X-Vapi-Secret": ""}).status_code == 401
    told = eventually(lambda: len(found := why(api)) == 2 and found, what="both are in the log")
    assert told == ["RETELL_API_KEYS is not set", "VAPI_SECRETS is not set"]


def why(api: Api) -> list[str]:
    """Return why requests were let in to nothing, as the log says; the line comes after the answer."""
    return eventually(lambda: [line["why"] for line in api.lines() if "why" in line], what="the log says why")


def test_who_sets_an_agent_up_reads_in_the_log_what_is_wrong(serving: Serving) -> None:
    """The answers say no more to somebody who guesses."""
    api = serving.start()
    caller, books = api.key(), api.key({Scope.VOICE, Scope.BOOK})
    refused = [
        post_signed(caller, address(caller, BOOK), b"{}", key="guessed"),
        post_signed(caller, address(caller, BOOK, key="00000000"), b"{}"),
        api.call("POST", address(caller, VAPI), json={}, headers={"X-Vapi-Secret": "guessed"}),
        api.call("GET", "/v1/bookings/1"),
        api.call("GET", "/v1/bookings/1", headers={"Authorization": "Bearer x"}),
        api.call("GET", "/v1/bookings/1", headers={"Authorization": f"Bearer {new_key('00000000')}"}),
    ]
    agents = [AGENTS["retell"](books, tool, {}, "call-42").say for tool in ("Book", "cancel")]

    assert refused[0].json()["say"] == "I cannot do that here."
    told = [{name: value for name, value in one.json().items() if name != "say"} for one in refused]
    assert told == [told[0]] * len(refused)
    assert agents == ["I cannot do that here."] * 2
    assert eventually(lambda: len(found := why(api)) == 8 and found) == [
        "X-Retell-Signature is missing, wrong or of another time",
        "no API key in force has the `key` of the address",
        "X-Vapi-Secret is wrong",
        "no API key came",
        "what came as the API key is none",
        "this API key is not in force",
        "no tool has this name",
        "the API key lacks the scope change",
    ]


def test_a_tool_calls_id_that_cannot_be_written_is_passed_over(api: Api) -> None:
    """Half of a surrogate pair: nothing is done for it, and the others have their answers."""
    caller, asked = api.key(), some_arguments()
    calls = [{"id": "tc_\ud800", "name": "book", "arguments": asked}, {"id": "b", "name": "status"}]

    answer = vapi_calls(caller, calls, "call-41")

    assert answer.status_code == 200
    assert [one["toolCallId"] for one in answer.json()["results"]] == ["b"]
    assert api.sql("SELECT count(*) FROM appointments WHERE attendee_email = :email", email=asked["email"]) == 0


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_whose_rate_is_used_up_has_a_sentence_to_say(api: Api, agent: str) -> None:
    """Also where no work was begun: a question back, and a tool that there is not."""
    caller = api.key(rate=1)
    said = [AGENTS[agent](caller, "book", {}, "call-40").say for _ in range(3)]
    assert (len({*said}), said[0] != "") == (1, True)
    assert AGENTS[agent](caller, "book", some_arguments(), "call-40").say == not_accepted("en")


def test_what_vapi_sends_wrongly_counts_as_a_call(api: Api) -> None:
    """Else a thief of a key could try bodies without end."""
    caller = api.key(rate=3)

    answers = [caller.call("POST", address(caller, VAPI), json=body).status_code for body in ([], OTHER, [], OTHER)]

    assert answers == [400, 200, 400, 429]
