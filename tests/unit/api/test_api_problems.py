"""Each problem that an endpoint's code names is in the document of its operation.

The problems are read from the source of all that an endpoint calls in `worker.api`: a word of it that is a type of
problem counts. What the gate may refuse each request with is documented for all of them.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from worker.api import changes, documented
from worker.api.problems import TYPES
from worker.api.routes import ROUTES

# What a browser reads, and what Cal.com alone sends to.
NOT_DESCRIBED = {"/docs", "/docs/{name}", "/v1/openapi.json", "/v1/calcom/webhook/{token}"}
# Words that are types of problem, and are no answer of these operations.
_NO_ANSWER: Mapping[str, set[str]] = {
    "/ready": {"unauthorized", "scope", "rate-limited"},  # it takes no key; its code uses what is beside the gate
    "/v1/bookings/batch": {"key-reused", "not-first"},  # in a result of the 200
    "/v2/bookings": {"not-first"},  # its body cannot say only_if_first
    "/v1/voice/retell": {"no-such-tool", "over", "series"},  # the body names the tool; outcomes of a sentence
    "/v1/voice/retell/{tool}": {"over", "series"},
    "/v1/voice/vapi": {"over", "series"},
    "/v1/tools/{tool}": {"over", "series"},
    "/v1/mcp": {"over", "series", "no-such-tool"},  # its message names the tool
}
EACH = ("/v1/tools/{tool}", "/v1/tools/book")  # each tool is an operation of its own
NEVER_WRONG = "If-None-Match"  # a tag that nobody knows matches nothing
_ANSWERS = {"path": "404", "query": "422", "header": "400"}


def named(endpoint: Callable[..., Any]) -> set[str]:
    """Return the types of problem that the code of an endpoint names, and all code of `worker.api` that it uses."""
    found, seen, left = set[str](), set[Any](), [endpoint]
    while left:
        code = left.pop()
        if code in seen:
            continue
        seen.add(code)
        for value in _used(code):
            if isinstance(value, str):
                found |= {value} & TYPES.keys()
            elif isinstance(value, Mapping):
                found |= {text for text in value.values() if isinstance(text, str)} & TYPES.keys()
            elif inspect.isclass(value):
                left += [base for base in value.__mro__ if _is_read(base)]
            elif inspect.isfunction(value) and _is_read(value):
                left.append(value)
    return found


def _is_read(code: Any) -> bool:
    return str(code.__module__).startswith("worker.api")


def _used(code: Any) -> Iterator[Any]:
    """Yield each text of a function or a class, and what its names stand for."""
    names = vars(inspect.getmodule(code))
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(code)))):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Name(id=name) if name in names:
                yield names[name]
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if inspect.ismodule(names.get(owner)):
                yield getattr(names[owner], name, None)


ENDPOINTS = {(route.path, method.lower()): route.endpoint for route in ROUTES for method in route.methods - {"HEAD"}}


@pytest.fixture(scope="module")
def operations() -> Mapping[str, Any]:
    """Write the document."""
    paths: Mapping[str, Any] = documented.document(ROUTES)["paths"]
    return paths


def _status(path: str, name: str) -> int:
    return 400 if path.startswith("/v2/") and name == "invalid" else TYPES[name].status  # as Cal.com answers it


@pytest.mark.parametrize("operation", [one for one in ENDPOINTS if one[0] not in NOT_DESCRIBED], ids=" ".join)
def test_what_an_endpoint_can_refuse_is_in_its_document(
    operation: tuple[str, str], operations: Mapping[str, Any]
) -> None:
    """Each type of problem by its name, beside its status."""
    path, method = operation
    answers = operations[path.replace(*EACH)][method]["responses"]
    described = {
        (int(status), name)
        for status, answer in answers.items()
        for name in re.findall("`([a-z0-9-]+)`", answer["description"])
    }

    found = named(ENDPOINTS[operation]) - _NO_ANSWER.get(path, set())

    assert {(_status(path, name), name) for name in found} - described == set()


@pytest.mark.parametrize("operation", [one for one in ENDPOINTS if one[0] not in NOT_DESCRIBED], ids=" ".join)
def test_a_parameter_that_can_be_wrong_has_its_answer(
    operation: tuple[str, str], operations: Mapping[str, Any]
) -> None:
    """404 for a part of the path, 422 for a query, 400 for a header; below /v2 400 for all but the path."""
    path, method = operation
    described = operations[path.replace(*EACH)][method]
    parameters = {one["in"] for one in described.get("parameters", ()) if one["name"] != NEVER_WRONG}
    answers = _ANSWERS | ({"query": "400"} if path.startswith("/v2/") else {})

    assert [where for where in parameters if answers[where] not in described["responses"]] == []


def test_the_code_of_an_endpoint_is_read_to_its_ends() -> None:
    """What it calls, what that calls, and a table of problems; else the tests above compare nothing."""
    every = {"unauthorized", "rate-limited", "scope", "not-kept"}
    assert named(changes.by_id) == {"invalid", "no-such-booking", "no-such-change", *every}
    assert {"bad-key", "too-slow", "not-json", "series", "key-reused", "invalid"} <= named(changes.cancel)
