"""One call of Cal.com: asked for, made, reported, whatever comes of it."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason, Recorded, State
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ReplyKind
from tasks.guarded_calls.calls import NotNow
from tasks.guarded_calls.trials import TrialCalls
from tasks.work.moves import CallMade

Row = Callable[..., Appointment]
EMPTY = b'{"status":"success","data":[],"pagination":{}}'
LIMIT = {"x-ratelimit-limit": "120", "x-ratelimit-remaining": "100", "x-ratelimit-reset": "30"}


class Breaker:
    """A breaker that is dealt its denials, and remembers what it was asked and told."""

    def __init__(self, *denials: Denied) -> None:
        self.denials = list(denials)
        self.asked: list[dict[str, Any]] = []
        self.reports: list[tuple[Permit, CallOutcome, dict[str, Any]]] = []

    def acquire(self, endpoint: str, **asked: Any) -> Permit | Denied:
        """Deny as often as was dealt, then permit."""
        self.asked.append({"endpoint": endpoint, **asked})
        if self.denials:
            return self.denials.pop(0)
        return Permit(endpoint, asked["owner"], "", 1, 1, 0, 0, State.CLOSED, trial=asked["trial"])

    def record(self, permit: Permit, outcome: CallOutcome, **told: Any) -> Recorded:
        """Take a report."""
        self.reports.append((permit, outcome, told))
        return Recorded(State.CLOSED, 1, State.CLOSED)

    @property
    def outcomes(self) -> list[CallOutcome]:
        """Return what was reported."""
        return [outcome for _, outcome, _ in self.reports]


class Client:
    """A Cal.com that answers all calls alike; an exception is raised."""

    def __init__(self, answer: Answer | NoAnswer | BaseException) -> None:
        self.answer = answer
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **_: Any) -> Answer | NoAnswer:
            self.calls.append(given[0].endpoint if name == "get" else name)
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

        return call


def answer(status: int = 200, body: bytes = EMPTY, **headers: str) -> Answer:
    """Answer so."""
    return Answer(status, headers, body, 0.5)


def calls(breaker: Breaker, client: Client, **more: Any) -> TrialCalls:
    """Return guarded calls of this client."""
    statements = SimpleNamespace(flush_if_due=lambda: None)
    deps: Any = SimpleNamespace(calcom=client, caller=CallingAccount(), breaker=breaker, database_calls=statements)
    return TrialCalls(deps, "story", **more)


def denied(reason: Reason, wait: float | None = 1.0, **states: State) -> Denied:
    """Deny so."""
    return Denied(reason, wait, **{"state": State.CLOSED, "epoch": 1, **states})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "outcome", "error"),
    [
        (answer(), CallOutcome.SUCCESS, "none"),
        (answer(500), CallOutcome.FAILURE_ENDPOINT, "http_500"),
        (answer(503, b"<html>"), CallOutcome.FAILURE_SERVICE, "http_503"),
        (answer(429), CallOutcome.THROTTLED, "throttled"),
        (
            answer(401, b'{"statusCode":401,"message":"ApiAuthStrategy - Invalid API Key"}'),
            CallOutcome.CREDENTIALS,
            "credentials",
        ),
        (answer(403, b"<html>"), CallOutcome.IGNORED, "configuration"),
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=9), CallOutcome.FAILURE_SERVICE, "timeout"),
    ],
)
def test_each_call_is_reported_once_as_what_it_was(given: Answer | NoAnswer, outcome: CallOutcome, error: str) -> None:
    """With its error type, its time and whose story it is, and nothing of a person."""
    breaker, client = Breaker(), Client(given)

    assert calls(breaker, client).list_bookings({}) is given

    [(_, reported, told)] = breaker.reports
    assert (reported, told["reason"], told["elapsed"]) == (outcome, error, given.elapsed)
    assert told["context"].keys() == {"correlation_id", "error_type", "worker"}
    assert told["context"]["correlation_id"] == "story"


def test_a_page_of_something_else_is_no_success_of_cal_coms() -> None:
    """A 200 that is no JSON must neither close a breaker nor set its count to zero."""
    breaker = Breaker()
    calls(breaker, Client(answer(200, b"<html>a lobby</html>"))).list_bookings({})
    assert breaker.outcomes == [CallOutcome.IGNORED]


def test_a_page_that_meets_a_post_is_reported_and_one_that_meets_a_read_is_not(row: Row) -> None:
    """It says nothing of POSTs, and no POST that goes well would lift what it has put up."""
    breaker, page = Breaker(), Client(answer(403, b"<html>"))
    attempt = calls(breaker, page)
    attempt.list_bookings({})
    permit = attempt.permit_post()
    assert isinstance(permit, Permit)

    assert attempt.post(permit, row(), lambda: True).reply.kind is ReplyKind.CONFIGURATION

    assert breaker.outcomes == [CallOutcome.IGNORED, CallOutcome.CONFIGURATION]


def test_what_the_limit_says_is_told_with_any_answer() -> None:
    """Also with one that failed."""
    breaker = Breaker()
    calls(breaker, Client(answer(500, **LIMIT))).me()
    assert breaker.reports[0][2]["quota_headers"] == QuotaHeaders(120, 100, 30)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_permit_is_given_back_whatever_happens(error: BaseException) -> None:
    """What is raised in mid-call, or right before the first byte, sent nothing that is known."""
    breaker, heard = Breaker(), list[tuple[Recorded, CallMade | None]]()
    with pytest.raises(type(error)):
        calls(breaker, Client(error), on_report=lambda *one: heard.append(one)).list_bookings({})
    assert (breaker.outcomes, [call for _, call in heard]) == ([CallOutcome.IGNORED], [None])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (answer(500), {"endpoint": "bookings.list", "ms": 1250, "status": 500}),
        (NoAnswer(True, "timeout", "no answer", 1.25), {"endpoint": "bookings.list", "ms": 1250, "error": "timeout"}),
    ],
)
def test_of_each_call_it_is_told_how_long_it_took_and_how_it_ended(given: Answer | NoAnswer, told: CallMade) -> None:
    """An answer by its status, none by why; whatever the report leads to."""
    heard = list[CallMade | None]()
    ended = replace(given, elapsed=1.25)
    calls(Breaker(), Client(ended), on_report=lambda _, call: heard.append(call)).list_bookings({})
    assert heard == [told]


def test_what_is_denied_sends_nothing() -> None:
    """The caller is told why, and for how long."""
    client = Client(answer())
    breaker = Breaker(denied(Reason.BREAKER_OPEN, 7.0, state=State.OPEN))
    with pytest.raises(NotNow) as no:
        calls(breaker, client).list_bookings({})
    assert (no.value.denied.retry_after, no.value.lookups_only) == (7.0, False)
    assert (client.calls, breaker.reports) == ([], [])


@pytest.mark.parametrize(
    ("denial", "lookups_only"),
    [
        (denied(Reason.BREAKER_OPEN, endpoint_state=State.OPEN), True),
        (denied(Reason.BREAKER_OPEN, state=State.HALF_OPEN), False),
        (denied(Reason.THROTTLED), False),
        (denied(Reason.CREDENTIALS), False),
    ],
)
def test_only_a_shut_endpoint_of_a_service_that_lives_concerns_looks_alone(denial: Denied, lookups_only: bool) -> None:  # noqa: FBT001 - a column
    """Then others may be booked meanwhile."""
    assert NotNow(denial).lookups_only is lookups_only


def test_a_read_probes_its_own_endpoint_but_not_the_service() -> None:
    """A half-open service is for a booking; what only reads call would never be called again."""
    own = Breaker(denied(Reason.BREAKER_OPEN, endpoint_state=State.HALF_OPEN))
    calls(own, Client(answer())).list_bookings({})
    service = Breaker(denied(Reason.BREAKER_OPEN, state=State.HALF_OPEN))
    with pytest.raises(NotNow):
        calls(service, Client(answer())).list_bookings({})
    assert [asked["probe_ok"] for asked in own.asked] == [False, True]
    assert [asked["probe_ok"] for asked in service.asked] == [False]
    assert len({asked["owner"] for asked in own.asked}) == 2


def test_a_post_that_is_no_probe_has_a_read_for_one_if_it_was_let_go_to_probe() -> None:
    """Else where only such POSTs wait, nothing would ever find out that Cal.com is back."""
    waits = denied(Reason.BREAKER_OPEN, state=State.HALF_OPEN)
    let_go, early = Breaker(waits), Breaker(waits)
    attempt, read = calls(let_go, Client(answer()), probe_ok=True), {"probe_ok": True}

    assert attempt.permit_post(endpoint="moves", probe=lambda: attempt.list_bookings({}))
    assert not calls(early, Client(answer())).permit_post(endpoint="moves", probe=lambda: pytest.fail("a call"))

    asked = [{"endpoint": one["endpoint"], "probe_ok": one["probe_ok"]} for one in let_go.asked]
    assert asked == [{"endpoint": "moves", "probe_ok": False}, {"endpoint": "bookings.list"} | read, asked[0]]


def test_what_has_begun_waits_for_the_limit_and_what_has_not_is_held() -> None:
    """Within its patience; one that must begin again at each denial never comes to its fourth call."""
    waits: list[float] = []
    breaker = Breaker(denied(Reason.THROTTLED))
    attempt = calls(breaker, Client(answer()), patience=3.0, pause=waits.append)
    with pytest.raises(NotNow):
        attempt.list_bookings({})

    breaker.denials = [denied(Reason.THROTTLED), denied(Reason.THROTTLED, 2.0)]
    attempt.list_bookings({})
    breaker.denials = [denied(Reason.THROTTLED, 2.0), denied(Reason.THROTTLED, 2.0)]
    with pytest.raises(NotNow):
        attempt.list_bookings({})

    assert waits == [1.0, 2.0, 2.0]


def test_the_claim_is_renewed_before_each_read_but_the_first() -> None:
    """What it raises is raised with nothing sent, and nothing asked for."""
    breaker, client, renewals = Breaker(), Client(answer()), iter([None])
    attempt = calls(breaker, client, renew=lambda: next(renewals))
    attempt.list_bookings({})
    attempt.slots({})
    with pytest.raises(StopIteration):
        attempt.me()
    assert (client.calls, len(breaker.asked)) == (["bookings.list", "slots"], 2)


def test_a_post_takes_its_place_in_the_release_and_says_what_its_report_led_to(row: Row) -> None:
    """One result: what it means, whether it was the probe, and how the breaker stands."""
    breaker = Breaker()
    attempt = calls(breaker, Client(answer(500)))
    permit = attempt.permit_post(7)
    assert isinstance(permit, Permit)

    result = attempt.post(permit._replace(probe=True), row(), lambda: True)

    assert (result.reply.kind, result.probe, result.recorded.may_go) == (ReplyKind.UNKNOWN, True, True)
    assert [(asked["item"], asked["probe_ok"]) for asked in breaker.asked] == [(7, True)]


@pytest.mark.parametrize(
    ("given", "well"),
    [
        (answer(), True),
        (answer(200, b'{"data":{"bookings":[]}}'), False),
        (answer(403, b"<html>"), False),
    ],
)
def test_one_harmless_call_finds_out_whether_cal_com_answers_as_we_read_it(given: Answer, well: bool) -> None:  # noqa: FBT001 - a column
    """Let through though the key or the settings are blocked; another shape than we read is no Cal.com for us."""
    breaker, client = Breaker(), Client(given)

    assert (calls(breaker, client).try_again() is None) is well

    assert [asked["trial"] for asked in breaker.asked] == [True]
    assert breaker.outcomes == [CallOutcome.SUCCESS if well else CallOutcome.CONFIGURATION]
    assert client.calls == ["list_bookings"]
