"""The OpenAPI document is true: what it does not say is never answered, whatever is asked, in whatever order.

Requests are drawn from the document. They meet refusals nearly alone (404, 422, 400): what has the form of a request is
seldom one by Cal.com's rules. Answers of 2xx are held to their form by test_api_answers.py.
A walk goes from one answer to the next request: nothing is booked, so nothing leads to most of the operations, and the
walks of this document meet two of them. So each operation is asked by itself, too, as the document says and otherwise.
Left out of schemathesis's checks, each with its reason:

- positive_data_acceptance: a time in the past, a name of blanks or an address that Cal.com does not accept is of the
  document's form and is refused; no schema says what a calendar day or Cal.com's own rules are.
- negative_data_rejection: some of what it takes for wrong is right here: an unknown query parameter is passed over, a
  quoted Idempotency-Key is a key, and JSON's `1.0` is a whole number.
- missing_required_header, unsupported_method: they ask for a 406 or for TRACE, which the server answers before us.
- not_a_server_error, of GET /v2/slots: without a Cal.com it is 503, for the shape has no word for "not known".
- ignored_auth, of each operation by itself: it sends wrong keys, of which an address has twenty a minute.
"""

import time
from collections import defaultdict
from typing import Any

import hypothesis
import pytest
import requests

from tests.support.api.agents import RETELL_KEY
from tests.support.api.served import Api, Caller
from worker.api.voice.signatures import sign
from worker.api.voice.tools import TOOLS

LEFT_OUT = {"positive_data_acceptance", "negative_data_rejection", "missing_required_header", "unsupported_method"}
STEPS, EXAMPLES, MANY_EXAMPLES = 4, 8, 150
WITHOUT_PARAMETERS = {"GET /health", "GET /ready"}  # nothing of them can be wrong
NOT_KNOWN = "GET /v2/slots"
PROFILE = hypothesis.settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
    stateful_step_count=STEPS,
    phases=[hypothesis.Phase.generate],
)


def walk(api: Api, examples: int) -> None:
    """Walk through the API at random, and check each answer against the document."""
    import schemathesis  # noqa: PLC0415 - half a second, for each process that reads the tests
    from schemathesis import checks  # noqa: PLC0415 - the same

    caller = api.key()
    schema = schemathesis.openapi.from_url(f"{api.url}/v1/openapi.json")
    wanted = [one for one in checks.CHECKS.get_all() if one.__name__ not in LEFT_OUT]
    asked = list[int]()

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        """Hold a key, and check each answer."""

        def before_call(self, case: Any) -> None:
            """Send the key, also where another one was drawn."""
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {caller.key}"}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            """Check an answer."""
            asked.append(0 if case.operation.label == NOT_KNOWN else response.status_code)
            fit = [one for one in wanted if one.__name__ not in _may(case)]
            case.validate_response(response, checks=fit, headers={"Authorization": f"Bearer {caller.key}"})

    Walk.run(settings=hypothesis.settings(PROFILE, max_examples=examples))

    assert len(asked) >= examples
    assert [status for status in asked if status >= 500] == []
    assert len([status for status in asked if status != 401]) > len(asked) / 2, "the key is sent"
    assert requests.get(f"{api.url}/ready", timeout=30).ok


def ask_each(api: Api, examples: int) -> dict[str, set[int]]:
    """Ask each operation as the document says and otherwise, check the answers, and return which there were."""
    import schemathesis  # noqa: PLC0415 - as above
    from schemathesis import checks  # noqa: PLC0415 - the same
    from schemathesis.generation import GenerationMode  # noqa: PLC0415 - the same

    caller = api.key()
    schema = schemathesis.openapi.from_url(f"{api.url}/v1/openapi.json")
    wanted = [one for one in checks.CHECKS.get_all() if one.__name__ not in {*LEFT_OUT, "ignored_auth"}]
    asked = defaultdict[str, set[int]](set)
    for operation in [found.ok() for found in schema.get_all_operations()]:
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        for mode in modes[:1] if operation.label in WITHOUT_PARAMETERS else modes:

            @hypothesis.settings(PROFILE, max_examples=examples)
            @hypothesis.given(operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                """Send one, and check its answer."""
                answer = _sent(case, caller)
                asked[case.operation.label].add(answer.status_code)
                _hold_to_document(case, answer, [one for one in wanted if one.__name__ not in _may(case)])

            ask()
    return asked


def _may(case: Any) -> set[str]:
    return {"not_a_server_error"} if case.operation.label == NOT_KNOWN else set()


def _hold_to_document(case: Any, answer: Any, wanted: list[Any]) -> None:
    from schemathesis.core.failures import FailureGroup  # noqa: PLC0415 - as above

    try:
        case.validate_response(answer, checks=wanted)
    except FailureGroup as found:
        pytest.fail("\n".join(map(str, found.exceptions)))


def _sent(case: Any, caller: Caller) -> Any:
    """Send a request with the key; one of an agent proves where it comes from, and names the key by its address."""
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {caller.key}"}
    if "/voice/" not in case.operation.path:
        return case.call()
    case.headers.pop("X-Vapi-Secret", None)
    case.query = {**(case.query or {}), "key": caller.key[3:11]}
    return case.call(auth=_signed if "retell" in case.operation.path else None)


def _signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    request.headers["X-Retell-Signature"] = sign(body, RETELL_KEY, int(time.time() * 1000))
    return request


def test_each_operation_answers_as_the_document_says(api: Api) -> None:
    """Also to what is not of the document's form; each has let somebody in."""
    asked = ask_each(api, EXAMPLES)

    assert len(asked) == sum(map(len, requests.get(f"{api.url}/v1/openapi.json", timeout=30).json()["paths"].values()))
    assert {name for name, statuses in asked.items() if statuses <= {401, 403, 429}} == set()
    assert {name: status for name, statuses in asked.items() if (status := max(statuses)) >= 500} in (
        {}, {NOT_KNOWN: 503},
    )  # fmt: skip


def test_answers_are_as_the_document_says(api: Api) -> None:
    """A few walks, the same ones each time."""
    walk(api, EXAMPLES)


@pytest.mark.long
def test_each_operation_answers_many_as_the_document_says(api: Api) -> None:
    """So many that each parameter has been wrong in several ways."""
    ask_each(api, MANY_EXAMPLES)


@pytest.mark.long
def test_answers_of_many_walks_are_as_the_document_says(api: Api) -> None:
    """So many that answers lead from one to another in several ways."""
    walk(api, MANY_EXAMPLES)


def test_the_document_describes_every_route_and_no_other(api: Api) -> None:
    """With an answer for each status that a test of the tables has seen."""
    document = requests.get(f"{api.url}/v1/openapi.json", timeout=30).json()
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}

    assert found == {
        ("post", "/v1/bookings"), ("get", "/v1/bookings"), ("post", "/v1/bookings/batch"),
        ("post", "/v1/bookings/find"), ("get", "/v1/bookings/{id}"), ("get", "/health"), ("get", "/ready"),
        ("get", "/v1/slots"), ("get", "/v1/events"), ("post", "/v1/callbacks/test"),
        ("post", "/v1/voice/retell"),
        ("post", "/v1/voice/retell/{tool}"),
        ("post", "/v1/voice/vapi"), ("post", "/v1/bookings/{id}/cancel"), ("post", "/v1/bookings/{id}/reschedule"),
        ("get", "/v1/bookings/{id}/changes/{change}"), ("post", "/v1/mcp"),
        ("post", "/v2/bookings"), ("get", "/v2/bookings/{id}"), ("post", "/v2/bookings/{id}/cancel"),
        ("post", "/v2/bookings/{id}/reschedule"), ("get", "/v2/slots"),
        *(("post", f"/v1/tools/{tool}") for tool in TOOLS),
    }  # fmt: skip
    answers = document["paths"]["/v1/bookings"]["post"]["responses"]
    assert answers.keys() == {"200", "202", "400", "401", "403", "408", "409", "413", "415", "422", "429", "503"}
    assert document["info"]["title"] == "booking-worker"
    assert document["components"]["securitySchemes"]
