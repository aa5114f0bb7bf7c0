"""Why a call has no answer, in words that quote nothing of it."""

from collections.abc import Iterator

from tasks.calcom.http.answer import NoAnswer
from tasks.calcom.http.call import Call
from tasks.calcom.reply import ErrorType


def no_answer(call: Call, error: BaseException, elapsed: float) -> NoAnswer:
    """Return why `call` has no answer after `elapsed` seconds: a time-out, a reset, or the phase before sending."""
    causes = list(_causes(error))
    late = call.expired or any(isinstance(cause, TimeoutError) for cause in causes)
    after_sending = ErrorType.TIMEOUT if late else ErrorType.RESET
    kind = after_sending if call.sent else call.phase
    return NoAnswer(call.sent, kind, "no answer in time" if late else _describe(causes[-1]), elapsed)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _describe(error: BaseException) -> str:
    """Return the error's class and the system's text; never the error's own text, which may quote a URL."""
    words = getattr(error, "verify_message", None) or getattr(error, "strerror", None)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
