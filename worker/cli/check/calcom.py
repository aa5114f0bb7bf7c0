"""Check whether Cal.com is at an account's address and takes its key, and for which event types that is enough."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from db.accounts import Account
from db.appointments import event_types
from db.appointments.appointment import Appointment
from db.models.accounts import AccountState
from resilience.circuit_breaker.types import Reason
from tasks.accounts.remedies import new_key
from tasks.audit.calls import AuditCalls, AuditHalted, LeftAlone
from tasks.calcom.booking_answers import read_list
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from worker.cli.check.unclear_answers import API_KEY, check_types
from worker.settings.model import Settings

_NO_CONNECTION = {
    ErrorType.DNS: "its name is not known",
    ErrorType.TLS: "its certificate is not accepted",
    ErrorType.CONNECT: "nothing answers there",
    ErrorType.TIMEOUT: "no answer came in time",
    ErrorType.RESET: "what answers does not speak HTTP",
}
_AT_ONCE = 4  # accounts that are asked for at the same time


class Checked(NamedTuple):
    """What an operator calls the parts of an account, and what gives it another key."""

    host: str
    key: str
    address: str
    cure: str


def check_accounts(
    deps: Dependencies, known: Sequence[Account], calls: Callable[[], AuditCalls]
) -> Iterator[tuple[Account, bool, str]]:
    """Ask Cal.com with the key of each account, a few at a time; yield whether all is well, and a sentence of each.

    `calls` makes what asks for one of them. A paused account is not asked for.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for account, (ok, said) in zip(known, pool.map(partial(_checked, deps, calls), known), strict=True):
            yield account, ok, said


def _checked(deps: Dependencies, calls: Callable[[], AuditCalls], account: Account) -> tuple[bool, str]:
    if account.state is AccountState.PAUSED:
        return True, "paused by an operator, and not asked"
    asking = calls()
    try:
        asking.use(account.id)
        answer = asking.list_bookings({"take": 1})
    except LeftAlone as no:
        refused = no.reason is Reason.CREDENTIALS
        return False, f"Cal.com refuses its key: {new_key(account.name)}" if refused else f"not asked: {no}"
    except (AuditHalted, NotNow) as no:
        return False, f"not asked: {no}"
    own = Checked(_host(deps.door.address(account.base_url)), "its key", "its address", new_key(account.name))
    page = read_list(answer)
    if isinstance(page, Reply):
        return _trouble(answer, page, own)
    with deps.engine.connect() as conn:
        confirmed = event_types.confirmed(conn, account=account.id)
    found = list(check_types(asking.deps, asking, confirmed, own.key))
    wrong = [said for ok, said in found if not ok]
    return not wrong, "; ".join(wrong or [f"{own.host} answers and takes its key", *(said for _, said in found)])


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
    page, host = read_list(answer), _host(settings.calcom_base_url)
    if isinstance(page, Reply):
        yield _trouble(answer, page, Checked(host, API_KEY, "CALCOM_BASE_URL", "set a valid key"))
        return
    yield True, f"{host} answers and takes the key"
    if confirmed:
        yield from check_types(deps, calls, confirmed)
    else:
        seen = "it lists bookings" if page.bookings else "it lists none so far"
        yield True, f"nothing is confirmed yet, so whether the key sees its bookings is still to be seen ({seen})"


def _trouble(answer: Answer | NoAnswer, reply: Reply, asked: Checked) -> tuple[bool, str]:
    message = f" ({reply.message})" if reply.message else ""
    match reply.kind:
        case ReplyKind.CREDENTIALS:
            return False, f"{asked.key}: Cal.com refuses it{message}; {asked.cure}"
        case ReplyKind.CONFIGURATION:
            return False, _wrong_thing(answer, asked)
        case ReplyKind.THROTTLED:
            return True, f"{asked.host} answers; its limit of calls is used up for now"
        case _ if isinstance(answer, NoAnswer):
            why = _NO_CONNECTION.get(reply.error_type, reply.error_type.value)
            return False, f"{asked.address}: no connection to {asked.host}: {why}{message}; check the address"
    return False, f"{asked.host} answers {reply.http_status}{message}: it is in trouble, and bookings wait for it"


def _wrong_thing(answer: Answer | NoAnswer, asked: Checked) -> str:
    status = answer.status if isinstance(answer, Answer) else 0
    kind = answer.headers.get("content-type", "") if isinstance(answer, Answer) else ""
    if status == 200 and "json" in kind:
        return f"{asked.address}: {asked.host} answers in another shape than Cal.com's API v2; check the address"
    if status == 403:
        return f"{asked.key}: it may not list bookings (403); give it the permission to read bookings"
    what = "a web page" if "html" in kind else f"{status}, which is not Cal.com's API"
    return f"{asked.address}: {asked.host} answers with {what}; for Cal.com it is https://api.cal.com (without /v2)"


def _host(base_url: str) -> str:
    return urlsplit(base_url).netloc


def types_to_ask(deps: Dependencies) -> list[Appointment]:
    """Return one confirmed booking of each event type, which Cal.com is asked about."""
    with deps.engine.connect() as conn:
        return event_types.confirmed(conn)
