"""The tools of a call that lasts: what each platform sends grows with the call, and is read to its end."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.api.agents import address, post_signed, some_arguments
from tests.support.api.payloads import retell_payload, vapi_payload
from tests.support.api.served import Api, Caller

PAYLOADS: Mapping[str, Callable[..., dict[str, Any]]] = {"retell": retell_payload, "vapi": vapi_payload}
MINUTES = (1, 10, 30)
ROWS = "SELECT count(*) FROM appointments WHERE attendee_email = :email"


def send(caller: Caller, platform: str, body: bytes) -> Any:
    """Send a body as its platform does."""
    path = address(caller, f"/v1/voice/{platform}")
    if platform == "retell":
        return post_signed(caller, path, body)
    return caller.call("POST", path, data=body, headers={"Content-Type": "application/json"})


def said(answer: Any) -> str:
    """Return the sentence of an answer of 200."""
    assert answer.status_code == 200, answer.text
    document = answer.json()
    sentence: str = document["say"] if "say" in document else document["results"][0]["result"]
    return sentence


@pytest.fixture(scope="module", autouse=True)
def outage(api: Api) -> None:
    """Have somebody wait for Cal.com, so that each caller is noted at once."""
    api.hold_somebody()


@pytest.mark.parametrize("platform", PAYLOADS)
def test_a_tool_works_however_long_its_call_lasts(api: Api, platform: str) -> None:
    """After a minute, ten and thirty: the first books, and the others know it."""
    caller, asked = api.key(), some_arguments()

    heard = []
    for minutes in MINUTES:
        body = json.dumps(PAYLOADS[platform]("book", asked, "call-60", minutes)).encode()
        assert minutes == 1 or len(body) > 64 * 1024, "longer than what other requests may have"
        heard.append(said(send(caller, platform, body)))

    assert heard == [heard[0]] * len(MINUTES)
    assert "I have noted Tuesday, 5 March at 10:00" in heard[0]
    assert api.sql(ROWS, email=asked["email"]) == 1


@pytest.mark.parametrize("platform", PAYLOADS)
def test_a_body_of_more_than_two_megabytes_has_a_sentence(api: Api, platform: str) -> None:
    """413, and the agent has something true to say."""
    answer = send(api.key(), platform, b'{"a":"' + b"x" * 2 * 1024 * 1024 + b'"}')

    assert (answer.status_code, answer.json().get("say")) == (413, "I cannot do that here.")


def test_the_signature_is_over_the_whole_body(api: Api) -> None:
    """One byte at the end of a long one, and nothing is done."""
    caller, asked = api.key(), some_arguments()
    body = json.dumps(retell_payload("book", asked, "call-61", 30)).encode()
    good = post_signed(caller, address(caller, "/v1/voice/retell"), body)
    signature = good.request.headers["X-Retell-Signature"]

    changed = post_signed(caller, address(caller, "/v1/voice/retell"), body + b" ", signature=signature)

    assert (good.status_code, changed.status_code) == (200, 401)
