"""Check whether Cal.com is at the address of the settings and takes our key, and for which event types it is enough."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from db.appointments.appointment import Appointment
from tasks.audit.calls import AuditHalted
from tasks.calcom.booking_answers import read_list
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from worker.cli.check.unclear_answers import check_types
from worker.settings.model import Settings

_NO_CONNECTION = {
    ErrorType.DNS: "its name is not known",
    ErrorType.TLS: "its certificate is not accepted",
    ErrorType.CONNECT: "nothing answers there",
    ErrorType.TIMEOUT: "no answer came in time",
    ErrorType.RESET: "what answers does not speak HTTP",
}


def check_calcom(
    deps: Dependencies, calls: GuardedCalls, settings: Settings, confirmed: Sequence[Appointment]
) -> Iterator[tuple[bool, str]]:
    """Yield whether each result is good, and its text; `confirmed` has one booking of each event type."""
    if settings.calcom_api_key is None:
        yield False, "CALCOM_API_KEY: not given; make one at Cal.com (Settings, Developer, API keys)"
        return
    try:
        answer = calls.list_bookings({"take": 1})
    except (AuditHalted, NotNow) as no:
        yield False, f"not asked: {no}"
        return
    page = read_list(answer)
    if isinstance(page, Reply):
        yield _trouble(answer, page, settings)
        return
    yield True, f"{_host(settings)} answers and takes the key"
    if confirmed:
        yield from check_types(deps, calls, confirmed)
    else:
        seen = "it lists bookings" if page.bookings else "it lists none so far"
        yield True, f"nothing is confirmed yet, so whether the key sees its bookings is still to be seen ({seen})"


def _trouble(answer: Answer | NoAnswer, reply: Reply, settings: Settings) -> tuple[bool, str]:
    message = f" ({reply.message})" if reply.message else ""
    match reply.kind:
        case ReplyKind.CREDENTIALS:
            return False, f"CALCOM_API_KEY: Cal.com refuses it{message}; set a valid key"
        case ReplyKind.CONFIGURATION:
            return False, _wrong_thing(answer, settings)
        case ReplyKind.THROTTLED:
            return True, f"{_host(settings)} answers; its limit of calls is used up for now"
        case _ if isinstance(answer, NoAnswer):
            why = _NO_CONNECTION.get(reply.error_type, reply.error_type.value)
            return False, f"CALCOM_BASE_URL: no connection to {_host(settings)}: {why}{message}; check the address"
    return False, f"{_host(settings)} answers {reply.http_status}{message}: it is in trouble, and bookings wait for it"


def _wrong_thing(answer: Answer | NoAnswer, settings: Settings) -> str:
    status = answer.status if isinstance(answer, Answer) else 0
    kind = answer.headers.get("content-type", "") if isinstance(answer, Answer) else ""
    if status == 200 and "json" in kind:
        return f"CALCOM_BASE_URL: {_host(settings)} answers in another shape than Cal.com's API v2; check the address"
    if status == 403:
        return "CALCOM_API_KEY: it may not list bookings (403); give it the permission to read bookings"
    what = "a web page" if "html" in kind else f"{status}, which is not Cal.com's API"
    return (
        f"CALCOM_BASE_URL: {_host(settings)} answers with {what}; for Cal.com it is https://api.cal.com (without /v2)"
    )


def _host(settings: Settings) -> str:
    return urlsplit(settings.calcom_base_url).netloc
