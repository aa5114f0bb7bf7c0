"""How an answer to the POST of a change may be read, by its HTTP status, as the product's own readers read it."""

from collections.abc import Iterator
from typing import NamedTuple

from resilience.circuit_breaker.types import CallOutcome
from resilience.error_types import NEVER_SENT, ErrorType
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.reply import ReplyKind, SettleAfter

A = ChangeAnswer
_CANCEL: dict[int, tuple[ChangeAnswer, ...]] = {
    200: (A.CANCELLED, A.PROBABLY_DONE),
    201: (A.OLD_VERSION,),
    400: (A.SEAT_GONE, A.SEAT_ELSEWHERE, A.CANCELLED_BEFORE, A.PROBABLY_DONE, A.OVER, A.NOT_ALLOWED, A.FAULTY),
    401: (A.FAULTY, A.CREDENTIALS),
    403: (A.CONFIGURATION,),
    404: (A.NOT_FOUND, A.PROBABLY_DONE, A.CONFIGURATION),
    429: (A.THROTTLED,),
}
_RESCHEDULE: dict[int, tuple[ChangeAnswer, ...]] = {
    200: (A.MOVED, A.OTHER_BOOKING),
    201: (A.MOVED, A.OTHER_BOOKING),
    400: (A.CANCELLED_THERE, A.MOVED_BEFORE, A.ORIGINAL_GONE, A.TAKEN, A.REFUSED),
    401: (A.REFUSED, A.CREDENTIALS),
    403: (A.REFUSED, A.CONFIGURATION),
    404: (A.ORIGINAL_GONE, A.SEAT_GONE, A.NOT_FOUND, A.PROBABLY_DONE, A.CONFIGURATION, A.REFUSED),
    409: (A.REFUSED, A.TAKEN),
    422: (A.REFUSED,),
    429: (A.THROTTLED,),
}
_KINDS = {
    A.NOT_SENT: (ReplyKind.NOT_SENT, ErrorType.CONNECT),
    A.THROTTLED: (ReplyKind.THROTTLED, ErrorType.THROTTLED),
    A.CREDENTIALS: (ReplyKind.CREDENTIALS, ErrorType.CREDENTIALS),
    A.CONFIGURATION: (ReplyKind.CONFIGURATION, ErrorType.CONFIGURATION),
    A.OLD_VERSION: (ReplyKind.CONFIGURATION, ErrorType.CONFIGURATION),
    A.TAKEN: (ReplyKind.TAKEN, ErrorType.TAKEN),
}
_OUTAGES = {500: ErrorType.HTTP_500, 502: ErrorType.HTTP_502, 503: ErrorType.HTTP_503, 504: ErrorType.HTTP_504}
_DONE = frozenset({A.CANCELLED, A.MOVED})
FINISHED, AT_WORK = SettleAfter.ANSWERED, SettleAfter.UNANSWERED


class Replied(NamedTuple):
    """An answer as it was read; `sent`: a byte was."""

    reply: ChangeReply
    sent: bool = True


def _reply(
    answer: ChangeAnswer, kind: ReplyKind, error: ErrorType, settle_after: SettleAfter = SettleAfter.ANSWERED
) -> ChangeReply:
    outcome = CallOutcome.IGNORED
    return ChangeReply(
        answer=answer, kind=kind, error_type=error, outcome=outcome, settle_after=settle_after, uid="there"
    )


def replies(status: int | str, *, is_move: bool, done: bool) -> Iterator[Replied]:
    """Yield every way in which the answer with this status, or this error, may be read; `done`: Cal.com has done it."""
    if isinstance(status, str):
        yield _of_no_answer(ErrorType(status))
        return
    for answer in (_RESCHEDULE if is_move else _CANCEL).get(status, ()):
        if done or answer not in _DONE:
            yield Replied(_reply(answer, *_KINDS.get(answer, (ReplyKind.REFUSED, ErrorType.REFUSED))))
    error = _OUTAGES.get(status, ErrorType.HTTP_52X if status >= 520 else ErrorType.HTTP_OTHER)
    yield Replied(_reply(A.UNKNOWN, ReplyKind.UNKNOWN, error, AT_WORK))
    if status <= 500:
        yield Replied(_reply(A.UNKNOWN, ReplyKind.UNKNOWN, error))
    if status == 400 and is_move:  # its database broke off
        yield Replied(_reply(A.UNKNOWN, ReplyKind.UNKNOWN, ErrorType.DATABASE))
    if status < 500:  # a proxy's page, in place of Cal.com's answer
        yield Replied(_reply(A.UNKNOWN, ReplyKind.CONFIGURATION, ErrorType.CONFIGURATION, AT_WORK))


def _of_no_answer(error: ErrorType) -> Replied:
    if error is ErrorType.LEASE_LOST or error in NEVER_SENT:
        return Replied(_reply(A.NOT_SENT, ReplyKind.NOT_SENT, error), sent=False)
    if error is ErrorType.CREDENTIALS:
        return Replied(_reply(A.CREDENTIALS, ReplyKind.CREDENTIALS, error), sent=False)
    return Replied(_reply(A.UNKNOWN, ReplyKind.UNKNOWN, error, AT_WORK))
