"""Name why a call has no answer: by how far it came, and by the error, with no word of its text."""

import http.client
from collections.abc import Iterator

import urllib3.exceptions

from tasks.calcom.http.answer import NoAnswer
from tasks.calcom.http.call import Call
from tasks.calcom.reply import ErrorType

NETWORK_ERRORS = (
    OSError,
    http.client.HTTPException,
    urllib3.exceptions.HTTPError,
)


def no_answer(call: Call, error: BaseException, elapsed: float) -> NoAnswer:
    """Return why `call` ended without an answer, after `elapsed` seconds; once sent, whatever went wrong is unknown."""
    causes = list(_causes(error))
    late = call.expired or any(isinstance(cause, TimeoutError) for cause in causes)
    after_sending = ErrorType.TIMEOUT if late else ErrorType.RESET
    kind = after_sending if call.sent else ErrorType(call.phase.value)
    return NoAnswer(call.sent, kind, "no answer in time" if late else _describe(causes[-1]), elapsed)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _describe(error: BaseException) -> str:
    """Name the error, and the system's words for it; never its own text, which may quote a URL."""
    words = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
