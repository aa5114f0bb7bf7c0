"""The table "What an answer means" (docs/calcom.md) from row 4 on, on answers recorded from a real Cal.com."""

import json
from pathlib import Path

import pytest

from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.classify import read_post
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.calcom.request_body import REFERENCE
from tasks.work.decisions import OUTAGE

FIXTURE = Path(__file__).parents[2] / "fixtures" / "calcom" / "answers.json"
RECORDED = {entry["name"]: entry for entry in json.loads(FIXTURE.read_text())}


def recorded(name: str) -> Answer:
    """Return a recorded answer; the recordings' `jobId` stands where our reference does."""
    entry = RECORDED[name]
    headers = {key.lower(): value for key, value in entry["headers"].items()}
    body = entry["body"].replace('"jobId"', f'"{REFERENCE}"')
    return Answer(entry["status"], headers, body.encode(), 0.1, truncated=entry["cut"])


def made(status: int, body: str | dict[str, object] = "", **headers: str) -> Answer:
    """Return an answer that was never recorded."""
    content = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content.encode(), 0.1)


def read(answer: Answer | NoAnswer, reference: str = "job-1") -> Reply:
    """Read an answer to the POST that carried `reference`."""
    return read_post(answer, reference=reference)


def error_a(message: str) -> dict[str, object]:
    """Return an error in Cal.com's shape A."""
    return {"status": "error", "error": {"code": "SomeException", "message": message, "details": {"message": message}}}


@pytest.mark.parametrize("kind", ["connect", "dns", "tls"])
def test_row_4_a_request_that_never_left_is_transient(kind: str) -> None:
    """Refused, no such name, no TLS, no connection in time: certainly not booked."""
    reply = read(NoAnswer(sent=False, error_type=kind, message="refused", elapsed=0.1))

    assert (reply.kind, reply.outcome) == (ReplyKind.NOT_SENT, CallOutcome.FAILURE_SERVICE)
    assert reply.error_type in OUTAGE
    assert reply.error_type == kind


def test_row_4_our_own_no_says_nothing_about_calcom() -> None:
    """A lease that was lost before the first byte is not a failure of Cal.com."""
    reply = read(NoAnswer(sent=False, error_type="lease_lost", message="", elapsed=0.1))

    assert (reply.kind, reply.outcome) == (ReplyKind.NOT_SENT, CallOutcome.IGNORED)


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [
        (NoAnswer(sent=True, error_type="timeout", message="", elapsed=30), ErrorType.TIMEOUT),
        (NoAnswer(sent=True, error_type="reset", message="", elapsed=1), ErrorType.RESET),
        (made(504, "<html>gateway time-out</html>"), ErrorType.HTTP_504),
        *((made(status, "<html>"), ErrorType.HTTP_52X) for status in (520, 521, 522, 523, 524)),
    ],
)
def test_row_5_no_answer_after_sending_is_unknown_for_long(answer: Answer | NoAnswer, error_type: ErrorType) -> None:
    """It may be booked, and may still be being booked: ten of ten were, seen."""
    reply = read(answer)

    assert (reply.kind, reply.settle_after) == (ReplyKind.UNKNOWN, SettleAfter.UNANSWERED)
    assert (reply.outcome, reply.error_type) == (CallOutcome.FAILURE_SERVICE, error_type)
    assert reply.error_type in OUTAGE


@pytest.mark.parametrize(
    "name",
    [
        "read replica that lags: POST",
        "Postgres down: POST",
        "Redis down: POST",
        "collective: one of two hosts busy",
        "backends killed while booking",
    ],
)
def test_row_6_a_500_may_have_booked(name: str) -> None:
    """Committed, then 500, was seen; the origin has finished, so a short settle time is enough."""
    reply = read(recorded(name))

    assert (reply.kind, reply.settle_after) == (ReplyKind.UNKNOWN, SettleAfter.ANSWERED)
    assert (reply.outcome, reply.error_type) == (CallOutcome.FAILURE_ENDPOINT, ErrorType.HTTP_500)
    assert reply.error_type not in OUTAGE


@pytest.mark.parametrize(("status", "error_type"), [(502, ErrorType.HTTP_502), (503, ErrorType.HTTP_503)])
def test_row_7_a_proxys_no_settles_by_the_kind_of_the_event_type(status: int, error_type: ErrorType) -> None:
    """Cal.com may still be at work behind it: never twice for a plain or collective type (45 of 45), others double."""
    reply = read(made(status, "<html>", retry_after="7"))

    assert (reply.kind, reply.settle_after, reply.outcome) == (
        ReplyKind.UNKNOWN,
        SettleAfter.GATEWAY,
        CallOutcome.FAILURE_SERVICE,
    )
    assert (reply.error_type, reply.retry_after) == (error_type, 7.0)
    assert reply.error_type in OUTAGE


@pytest.mark.parametrize("answer", [recorded("POST while blocked"), made(429, "<html>", x_ratelimit_reset_long="60")])
def test_row_8_too_many_requests_waits_as_long_as_is_said(answer: Answer) -> None:
    """A 429 booked nothing and is nobody's failure, whichever server said it."""
    reply = read(answer)

    assert (reply.kind, reply.outcome, reply.retry_after) == (ReplyKind.THROTTLED, CallOutcome.THROTTLED, 60.0)
    assert not reply.may_have_booked, "a limit counts what comes in"


@pytest.mark.parametrize(
    ("name", "reply_kind"),
    [
        ("same POST again, sequential", ReplyKind.TAKEN),
        ("outside the schedule (Saturday)", ReplyKind.TAKEN),
        ("round robin: third attendee, all hosts busy", ReplyKind.TAKEN),
        ("CALCOM_ENV=development: identical pairs at once, plain: the loser", ReplyKind.TAKEN),
        ("seats: same attendee again", ReplyKind.SIGNED_UP),
        ("seats: fourth attendee (3 seats)", ReplyKind.FULL),
    ],
)
def test_row_9_taken_may_be_calcoms_own_fault(name: str, reply_kind: ReplyKind) -> None:
    """Taken is what Cal.com also says for a fault of its own, so the slots are asked, but not about seats."""
    reply = read(recorded(name))

    assert (reply.kind, reply.outcome, reply.settle_after) == (reply_kind, CallOutcome.SUCCESS, SettleAfter.ANSWERED)
    assert reply.ask_slots is (reply_kind is ReplyKind.TAKEN)


def test_row_10_the_masked_database_error_is_unknown() -> None:
    """The loser of a race, or any fault of the database: look."""
    reply = read(recorded("identical pairs, plain event: the loser"))

    assert (reply.kind, reply.settle_after) == (ReplyKind.UNKNOWN, SettleAfter.ANSWERED)
    assert (reply.outcome, reply.error_type) == (CallOutcome.FAILURE_ENDPOINT, ErrorType.DATABASE)


@pytest.mark.parametrize(
    ("name", "reply_kind"),
    [
        ("booking limit 1 per day: second", ReplyKind.EVENT_TYPE_LIMIT),
        ("duration limit: the same again", ReplyKind.EVENT_TYPE_LIMIT),
        ("max active bookings per booker 1: second", ReplyKind.ATTENDEE_LIMIT),
    ],
)
def test_row_11_a_limit_is_not_about_the_key(name: str, reply_kind: ReplyKind) -> None:
    """A 401 may be a booking limit: the customer is refused, the key is fine."""
    reply = read(recorded(name))

    assert (reply.kind, reply.outcome, reply.settle_after) == (reply_kind, CallOutcome.SUCCESS, SettleAfter.ANSWERED)


@pytest.mark.parametrize(
    "answer",
    [
        recorded("bad key (right prefix)"),
        recorded("expired key"),
        recorded("bearer without prefix (looks like an access token)"),
        recorded("key deleted after it was used (rate limits cached 1 h in Redis)"),
        NoAnswer(sent=False, error_type="credentials", message="no API key is set", elapsed=0),
    ],
)
def test_row_12_a_refused_key_never_refuses_a_customer(answer: Answer | NoAnswer) -> None:
    """These hold the booking until the key is another."""
    reply = read(answer)

    assert (reply.kind, reply.outcome) == (ReplyKind.CREDENTIALS, CallOutcome.CREDENTIALS)
    assert not reply.may_have_booked, "the key comes before any work"


@pytest.mark.parametrize(
    "answer",
    [
        recorded("PUT /v2/bookings"),
        *map(recorded, ["no cal-api-version", "no key: GET list"]),
        made(403, error_a("PermissionsGuard - no oAuth client found for access token")),
    ],
)
def test_row_13_what_cal_com_says_before_any_work_refuses_no_customer(answer: Answer) -> None:
    """Wrong path, wrong version, wrong permission: nothing is booked, and held until the settings are others."""
    reply = read(answer)

    assert (reply.kind, reply.outcome) == (ReplyKind.CONFIGURATION, CallOutcome.CONFIGURATION)
    assert (reply.may_have_booked, bool(reply.message)) == (False, True)


@pytest.mark.parametrize(
    "answer",
    [
        made(301, "", location="https://example.test/"),
        made(302, "<html>log in</html>", location="https://example.test/"),
        made(404, "<html>not found</html>"),
        made(404, {"detail": "Not Found"}),
        made(403, "<html>blocked</html>"),
        made(403, error_a("Forbidden resource")),
        made(403, {"statusCode": 403, "message": "Forbidden resource", "error": "Forbidden"}),
        made(405, {"message": "no"}),
        made(413, "<html>too large</html>"),
        made(200, {"status": "success", "data": {"uid": "x", "metadata": {}}}),
        made(200, {"ok": True}),
    ],
)
def test_row_13_a_page_in_place_of_an_answer_may_have_booked(answer: Answer) -> None:
    """Once the POST's bytes went out nothing but Cal.com's own word says that it has booked nothing."""
    reply = read(answer)

    assert (reply.kind, reply.outcome) == (ReplyKind.CONFIGURATION, CallOutcome.CONFIGURATION)
    assert (reply.may_have_booked, reply.settle_after, reply.answered_at) == (True, SettleAfter.GATEWAY, None)
    assert reply.message


@pytest.mark.parametrize(
    "answer",
    [
        recorded("unknown event type"),
        *map(recorded, ["host locked", "team event type without hosts"]),
        recorded("requires e-mail verification"),
        recorded("unknown property"),
        recorded("phone-only on a default event type (e-mail required)"),
        made(401, error_a("checkBookingRequiresAuthentication - event type requires authentication.")),
        made(403, error_a("Something else is forbidden.")),
        made(400, {"statusCode": 400, "message": ["start must be a date"], "error": "Bad Request"}),
    ],
)
def test_row_14_a_refusal_carries_calcoms_words(answer: Answer) -> None:
    """Refused for good: Cal.com is alive and said why."""
    reply = read(answer)

    assert (reply.kind, reply.outcome, reply.settle_after) == (
        ReplyKind.REFUSED,
        CallOutcome.SUCCESS,
        SettleAfter.ANSWERED,
    )
    assert reply.message


@pytest.mark.parametrize(
    ("answer", "settle_after"),
    [
        (made(202, {"status": "success"}), SettleAfter.UNANSWERED),
        (made(401, error_a("something new")), SettleAfter.ANSWERED),
        (
            made(401, {"statusCode": 401, "message": "terminating connection due to administrator command"}),
            SettleAfter.ANSWERED,
        ),
        (made(418, {"statusCode": 418, "message": "teapot"}), SettleAfter.ANSWERED),
        *((made(status, "<html>"), SettleAfter.UNANSWERED) for status in (408, 421, 425, 501, 530)),
        (made(400, {"oops": True}), SettleAfter.UNANSWERED),
        (Answer(400, {}, b'{"status":"error","err', 0.1, truncated=True), SettleAfter.UNANSWERED),
    ],
)
def test_row_15_anything_else_may_have_booked(answer: Answer, settle_after: SettleAfter) -> None:
    """What the table does not know is looked into before it is believed; only Cal.com itself says that it is done."""
    reply = read(answer)

    assert (reply.kind, reply.settle_after) == (ReplyKind.UNKNOWN, settle_after)
    assert (reply.outcome, reply.error_type) == (CallOutcome.FAILURE_ENDPOINT, ErrorType.HTTP_OTHER)


@pytest.mark.parametrize("body", ["", "<html>", "null", '{"oops":true}', '{"statusCode":500,"mess'])
def test_a_500_that_is_not_calcoms_own_may_still_be_working(body: str) -> None:
    """Cut, empty, or a proxy's: nobody says that the application has finished."""
    reply = read(made(500, body, date="Wed, 25 Nov 2026 15:48:41 GMT"))

    assert (reply.settle_after, reply.outcome) == (SettleAfter.UNANSWERED, CallOutcome.FAILURE_ENDPOINT)
    assert reply.error_type not in OUTAGE
    assert reply.answered_at is None


def test_rate_limit_headers_delay_nothing_but_a_429() -> None:
    """Cal.com sends them with every answer; a 500 must not wait for them."""
    assert read(recorded("read replica that lags: POST")).retry_after is None


def test_every_recorded_answer_to_a_post_has_its_row() -> None:
    """No recording of a POST falls through to row 15."""
    posts = [name for name, entry in RECORDED.items() if entry["path"] == "/v2/bookings" and entry["method"] == "POST"]

    rows = {name: read(recorded(name)).error_type for name in posts}

    assert len(posts) > 80
    assert ErrorType.HTTP_OTHER not in rows.values()
