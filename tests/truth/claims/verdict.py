"""The sentences of the verdict: the headline, "If you do nothing" and "Also"; in the order of tasks/overview/ranking."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.truth.claims import checks
from tests.truth.claims.checks import BY_CALCOM, FOR_A_PERSON, counted, done, held, in_state
from tests.truth.claims.grammar import Check, Part, Pattern, Seen

HEAD = ("sentence", "also")
_CALLS = r"(calls: M(?:; (risk_:N) (?:expires at|expire from) (first_:M): call (?:those|that one)))?"
_DAMAGE = r"(held:N) held(?:, (risk:N) at risk(?: \(first at (first:M)\))?)?(?:, (ended:N) failed or expired)?"
_CALL = r"(?:; (risk_:N) (?:expires at|expire from) (first_:M): call (?:those|that one))?"
_GIVEN = r"(?: \((given:.+)\))?"
_DAMAGES: Mapping[str, Check] = MappingProxyType(
    {
        "held": held(),
        "risk": checks.at_risk,
        "first": checks.first_at_risk,
        "ended": checks.ended_badly,
    }
)


def _is_down(seen: Seen) -> bool:
    return in_state("open")(seen) and _fails(seen)


def _fails(seen: Seen) -> bool:
    """Return whether Cal.com fails, or did a moment ago: its breaker may not have tried it since."""
    since = seen.world.between(seen.at - 6 * checks.timedelta(seconds=10), seen.at)
    return since.once(lambda one: one.done & {"outage", "recovery", "bad day"})


def _goes(part: Part) -> bool:
    """Check how many go by themselves: "all", "it", a number, or new ones when nothing is held by Cal.com."""
    if part.words in {"all", "it"}:
        return checks.none_for_a_person(part)
    if part.words == "new ones are held, and":
        return part.lately.counted(lambda record: record.held_count(*BY_CALCOM), 0)
    return held(*BY_CALCOM)(part)


_BY_THEMSELVES = rf"(goes:all|it|N|new ones are held, and) goe?s? by (?:itself|themselves)(?: then)?(?:, in order)?(?:; (others:N) waits? for something else)?{_CALL}\."
_GOING: Mapping[str, Check] = MappingProxyType({**_DAMAGES, "goes": _goes, "others": held(*FOR_A_PERSON)})

OURS = (
    Pattern(
        HEAD,
        r"Postgres does not answer(?: since (gone:M))?: (refuses:new requests are refused); accepted ones are kept\.",
        {"gone": lambda _: True, "refuses": checks.refuses},
        done("dead Postgres"),
    ),
    Pattern(("nothing",), r"If you do nothing: all goes on by itself when it is back\.", {}),
    Pattern(HEAD, r"Postgres is slow: the figures cannot be read\.", {}, done("slow Postgres", "dead Postgres")),
    Pattern(
        ("nothing",),
        r"If you do nothing: they are read again each second; look at what Postgres waits for: locks, load, disk\.",
        {},
    ),
    Pattern(
        HEAD,
        r"(?:Redis|The broker) does not answer(?: since (gone:M))?: (?:bookings are kept and wait|bookings go at the limit's pace, each process by a breaker of its own)\.",
        {"gone": lambda _: True},
        done("dead Redis", "slow Redis"),
    ),
    Pattern(
        HEAD,
        r"(?:Nothing moves|Too few workers): (pending:N) waits?, the oldest (oldest:M)(?:, no worker works on any|, (booking:N) calls? (?:is|are) under way)\.",
        {
            "pending": counted(checks.status("pending")),
            "booking": counted(checks.status("booking")),
            "oldest": lambda part: part.lately.met(
                lambda record: iter([record.states.get("pending", {}).get("oldest_at")]), part.at
            ),
        },
    ),
    Pattern(("nothing",), r"If you do nothing: they (?:go, but late: start another worker|keep waiting: start a worker)\.", {}),
    Pattern(
        HEAD,
        r"No health check(?: since (ticked:M))?: nothing held is released\.",
        {"ticked": lambda part: part.at < part.seen.at - checks.timedelta(seconds=10)},
        lambda seen: seen.world.between(seen.at - checks.timedelta(seconds=10), seen.at).once(
            lambda one: one.done & {"dead beat", "slow Postgres", "dead Postgres", "dead Redis"}
        ),
    ),
    Pattern(
        ("nothing",),
        r"If you do nothing: held bookings wait: start `?celery -A worker beat`? and the worker of `?maintenance`?\.",
        {},
    ),
    Pattern(
        HEAD,
        rf"Cal\.com refuses our key(?: since (since:M))?(?:: {_DAMAGE})?\.",
        {**_DAMAGES, "since": checks.incident_since("credentials", "credentials")},
        done("refused key"),
    ),
    Pattern(
        ("nothing",),
        rf"If you do nothing: Cal\.com is asked each minute, and all go by themselves when it takes the key; else they need a new key{_CALL}\.",
        _DAMAGES,
    ),
)
THEIRS = (
    Pattern(
        HEAD,
        rf"An operator holds all back(?: until told otherwise| until (until:M)){_GIVEN}(?:: {_DAMAGE})?\.",
        {**_DAMAGES, "until": checks.override_until, "given": checks.override},
        in_state("forced_open"),
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is down(?: for (?P<endpoint>bookings\.create))?(?: since (since:M))?(?:: {_DAMAGE})?(?:, next probe in (probe:M))?\.",
        {
            **_DAMAGES,
            "since": checks.changed_at("open"),
            "probe": checks.ends_at,
            "endpoint": lambda part: part.lately.once(lambda one: one.state("bookings.create") == "open"),
        },
        _is_down,
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is being tried(?:, down since (since:M)| after an override)?(?:: {_DAMAGE})?\.",
        {**_DAMAGES, "since": checks.changed_at("open")},
        in_state("half_open"),
    ),
    Pattern(
        HEAD,
        rf"Cal\.com cannot be reached(?:: {_DAMAGE})?(?:, tried again in (again:M))?\.",
        {**_DAMAGES, "again": checks.next_until("unreachable")},
        lambda seen: seen.lately.recorded(lambda record: record.held_count("unreachable")),
    ),
    Pattern(("nothing",), rf"If you do nothing: {_BY_THEMSELVES}", _GOING),
    Pattern(
        ("nothing",),
        rf"If you do nothing: nothing goes until the override is ended \(`?booking breaker auto`?\){_CALL}\.",
        _DAMAGES,
        in_state("forced_open"),
    ),
)
