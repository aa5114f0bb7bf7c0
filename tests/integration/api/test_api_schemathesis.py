"""The OpenAPI document is true: what it does not say is never answered, whatever is asked, in whatever order.

Requests are drawn from the document. They meet refusals nearly alone (404, 422, 400): what has the form of a request is
seldom one by Cal.com's rules. Answers of 2xx are held to their form by test_api_answers.py.
Left out of schemathesis's checks, each with its reason:

- positive_data_acceptance: a time in the past, a name of blanks or an address that Cal.com does not accept is of the
  document's form and is refused; no schema says what a calendar day or Cal.com's own rules are.
- negative_data_rejection: some of what it takes for wrong is right here: an unknown query parameter is passed over, a
  quoted Idempotency-Key is a key, and JSON's `1.0` is a whole number.
- missing_required_header, unsupported_method: they ask for a 406 or for TRACE, which the server answers before us.
"""

from typing import Any

import hypothesis
import pytest
import requests

from tests.support.api.served import Api

LEFT_OUT = {"positive_data_acceptance", "negative_data_rejection", "missing_required_header", "unsupported_method"}
STEPS, EXAMPLES, MANY_EXAMPLES = 4, 8, 150
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
            asked.append(response.status_code)
            case.validate_response(response, checks=wanted, headers={"Authorization": f"Bearer {caller.key}"})

    Walk.run(settings=hypothesis.settings(PROFILE, max_examples=examples))

    assert len(asked) >= examples
    assert [status for status in asked if status >= 500] == []
    assert len([status for status in asked if status != 401]) > len(asked) / 2, "the key is sent"
    assert requests.get(f"{api.url}/ready", timeout=30).ok


def test_answers_are_as_the_document_says(api: Api) -> None:
    """A few walks, the same ones each time."""
    walk(api, EXAMPLES)


@pytest.mark.long
def test_answers_of_many_walks_are_as_the_document_says(api: Api) -> None:
    """So many that each endpoint meets each kind of wrong request."""
    walk(api, MANY_EXAMPLES)


def test_the_document_describes_every_route_and_no_other(api: Api) -> None:
    """With an answer for each status that a test of the tables has seen."""
    document = requests.get(f"{api.url}/v1/openapi.json", timeout=30).json()
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}

    assert found == {
        ("post", "/v1/bookings"), ("get", "/v1/bookings"), ("post", "/v1/bookings/batch"),
        ("post", "/v1/bookings/find"), ("get", "/v1/bookings/{id}"), ("get", "/health"), ("get", "/ready"),
        ("get", "/v1/slots"), ("post", "/v1/voice/retell"), ("post", "/v1/voice/retell/{tool}"),
        ("post", "/v1/voice/vapi"), ("post", "/v1/bookings/{id}/cancel"), ("post", "/v1/bookings/{id}/reschedule"),
        ("get", "/v1/bookings/{id}/changes/{change}"),
    }  # fmt: skip
    answers = document["paths"]["/v1/bookings"]["post"]["responses"]
    assert answers.keys() == {"200", "202", "400", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert document["info"]["title"] == "booking-worker"
    assert document["components"]["securitySchemes"]
