"""Sentences of tasks/overview/ranking/ours.py."""

from datetime import timedelta

from tests.truth.claims import checks
from tests.truth.claims.checks import began, counted, done, is_slow, unanswered
from tests.truth.claims.clauses import CALL, DAMAGE, DAMAGES, HEAD, IF, NOTHING
from tests.truth.claims.grammar import Pattern

MISSED = timedelta(seconds=10)  # without a health check, of which there is one each five seconds

OURS = (
    Pattern(
        HEAD,
        r"Postgres does not answer(?: since (gone:M))?: (refuses:new requests are refused); accepted ones are kept\.",
        {"gone": began("dead Postgres", "slow Postgres"), "refuses": checks.refuses},
        done("dead Postgres"),
    ),
    Pattern(NOTHING, IF + r"all goes on by itself when it is back\.", {}),
    Pattern(HEAD, r"Postgres is slow: the figures did not come in time\.", {}, is_slow),
    Pattern(
        NOTHING,
        IF + r"they are read again each second; look at what Postgres waits for: locks, load, disk\.",
        {},
    ),
    Pattern(
        HEAD,
        r"(?:Redis|The broker) does not answer(?: since (gone:M))?: (?:bookings are kept and wait|bookings go at"
        r" the limit's pace, each process by a breaker of its own)\.",
        {"gone": unanswered(dead="dead Redis", slow="slow Redis")},
        done("dead Redis", "slow Redis"),
    ),
    Pattern(
        HEAD,
        r"(?:Nothing moves|Too few workers): (pending:N) waits?, the oldest (oldest:M)(?:, no worker works on any"
        r"|, (booking:N) calls? (?:is|are) under way)\.",
        {
            "pending": counted(checks.status("pending")),
            "booking": counted(checks.status("booking")),
            "oldest": lambda part: part.lately.met(
                lambda record: iter([record.states.get("pending", {}).get("oldest_at")]), part.at
            ),
        },
    ),
    Pattern(
        NOTHING,
        IF + r"they (?:go, but late: start another worker|keep waiting: start a worker)\.",
        {},
    ),
    Pattern(
        HEAD,
        r"No health check(?: since (ticked:M))?: alerts wait, and only other workers release holds\.",
        {"ticked": lambda part: part.lately.met(lambda record: iter([record.ticked_at]), part.at)},
        lambda seen: seen.lately.recorded(lambda record: not record.ticked_at or seen.at - record.ticked_at > MISSED),
    ),
    Pattern(
        NOTHING,
        IF + r"this stays so: start `?celery -A worker beat`? and the worker of `?maintenance`?\.",
        {},
    ),
    Pattern(
        HEAD,
        rf"Cal\.com refuses (?:our key|the key of default)(?: since (since:M))?(?:: {DAMAGE})?\.",
        {**DAMAGES, "since": checks.incident_since("credentials", "credentials")},
        done("refused key"),
    ),
    Pattern(
        NOTHING,
        IF + r"Cal\.com is asked (?:each minute|at longer and longer intervals up to an hour), and all go by themselves"
        r" when it takes the key; else (?:they need a new key|set a valid CALCOM_API_KEY and restart the workers)"
        rf"{CALL}\.",
        DAMAGES,
    ),
)
