"""What a tool answers, in each envelope the same: a sentence to say, and how it stands; an error has a sentence too."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from db.appointments.views import BookingView
from db.lifecycle import Status
from tasks.callers.languages import ENGLISH, is_known
from tasks.callers.sentences import not_accepted
from worker.api.answers import written
from worker.api.problems import ApiError, problem_response
from worker.api.voice.sentences import Asked, ToolOutcome, asked_in

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
Endpoint = Callable[[Request], Awaitable[Response]]


class ToolAnswer(BaseModel):
    """What a tool answers."""

    say: str = Field(description="The one sentence to say to the person, word for word.")
    status: str = Field(
        description="How the booking stands that the sentence is about; else what has come of it: "
        f"{', '.join(ToolOutcome)}.",
        json_schema_extra={"enum": [*map(str, Status), *map(str, ToolOutcome)]},
    )
    booking: int | None = Field(description="The booking's id; null: the sentence is about none.")
    start: datetime | None = Field(description="The booking's start, in UTC.")


class Spoken(NamedTuple):
    """Hold an answer: its sentence, and the booking that it is about; `outcome` counts if it is about none."""

    say: str
    outcome: ToolOutcome
    view: BookingView | None = None

    @property
    def document(self) -> dict[str, Any]:
        """Return the fields of a ToolAnswer."""
        view = self.view
        if view is None:
            return {"say": self.say, "status": self.outcome, "booking": None, "start": None}
        return {"say": self.say, "status": view.status, "booking": view.id, "start": written(view.start)}


def speaking(endpoint: Endpoint) -> Endpoint:
    """Give each error of an endpoint a sentence in the language of its address, so that no agent invents one."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            error.document["say"] = _say(request, error.status)
            raise
        except HTTPException as error:
            status = error.status_code
            document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
            return problem_response(document | {"say": _say(request, status)}, dict(error.headers or {}))

    return answered


def _say(request: Request, status: int) -> str:
    language = request.query_params.get("lang", ENGLISH)
    language = language if is_known(language) else ENGLISH
    return not_accepted(language) if status in _LATER else asked_in(language, Asked.CANNOT)
