"""The parts of an operation's description: its problems, its body, its answers, its parameters."""

from collections.abc import Mapping
from typing import Any

from worker.api.problems import MEDIA_TYPE, TYPES

READ = ("not-json", "not-utf8", "too-slow", "too-large", "invalid")  # the problems of what has a body
REFUSED = ("being-cancelled", "ended", "moved-on", "not-booked-yet", "over", "same-start", "series", "taken-by-own")
_CORRELATION = {
    "X-Correlation-Id": {"description": "The caller's, or a new one.", "schema": {"type": "string"}},
}
_RATE = {
    "RateLimit-Policy": {"description": "The key's calls a minute: q.", "schema": {"type": "string"}},
    "RateLimit": {"description": "How many of them may come at once now: r.", "schema": {"type": "string"}},
}
_RETRY = {"Retry-After": {"description": "Seconds until it is worth another try.", "schema": {"type": "integer"}}}
LOCATION = {"Location": {"description": "The booking, or its change.", "schema": {"type": "string"}}}

ETAG = {"ETag": {"description": "Of one booking: this very answer.", "schema": {"type": "string"}}}
UID = {"type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
NAMED = {"anyOf": [{"type": "integer", "minimum": 1}, UID]}


def problems(*types: str, invalid: int = 422) -> dict[int | str, dict[str, Any]]:
    """Describe problems by their status, `invalid` by this one; what each route may answer is added."""
    always = ("unauthorized", "rate-limited", "not-kept")
    answers: dict[int | str, dict[str, Any]] = {}
    for name in (*always, "scope", *types):
        status, title = (invalid if name == "invalid" else TYPES[name].status), TYPES[name].title
        told = answers.setdefault(
            status, {"description": "", "content": {MEDIA_TYPE: {}}, "headers": dict(_CORRELATION)}
        )
        told["description"] = " ".join(filter(None, (told["description"], f"`{name}`: {title}")))
        told["content"][MEDIA_TYPE]["schema"] = {"$ref": "#/components/schemas/ProblemDocument"}
        if status in {429, 503}:
            told["headers"] |= _RETRY
        if status == 429:
            told["headers"] |= _RATE
    if "not-json" in types:
        answers[415] = {"description": "Only application/json.", "content": answers[400]["content"]}
    return answers


def body(model: type[Any], text: str = "") -> dict[str, Any]:
    """Describe a body by a schema of the components (`schemas` adds it there)."""
    schema = {"$ref": f"#/components/schemas/{name_of(model)}"}
    return {"requestBody": {"required": True, "description": text, "content": {"application/json": {"schema": schema}}}}


def name_of(model: type[Any]) -> str:
    """Return the name of a model among the components."""
    return str(model.model_config.get("title") or model.__name__)


def answer(model: Any, text: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe an answer, which always has a correlation id, and says how many calls its key has left."""
    return {"model": model, "description": text, "headers": {**_CORRELATION, **_RATE, **(headers or {})}}


def parameter(name: str, where: str, schema: Mapping[str, Any], text: str, *, required: bool = False) -> dict[str, Any]:
    """Describe a parameter; `where` is its place: query, path or header."""
    return {"name": name, "in": where, "required": required, "schema": dict(schema), "description": text}
