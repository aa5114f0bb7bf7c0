"""The sentences of the verdict: the headline, "If you do nothing" and "Also"; in the order of tasks/overview/ranking."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.truth.claims import checks
from tests.truth.claims.checks import BY_CALCOM, FOR_A_PERSON, counted, done, held, in_state
from tests.truth.claims.grammar import Check, Part, Pattern, Seen

HEAD = ("sentence", "also")
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


def _is_slow(seen: Seen) -> bool:
    return done("slow Postgres", "dead Postgres")(seen) or seen.lately.once(lambda one: one.took > SLOW)


def _fails(seen: Seen) -> bool:
    """Return whether Cal.com fails, or did a moment ago: its breaker may not have tried it since."""
    since = seen.world.between(seen.at - 6 * checks.timedelta(seconds=10), seen.at)
    return since.once(lambda one: one.done & {"outage", "recovery", "bad day"})


def _goes(part: Part) -> bool:
    """Check how many go by themselves: "all", "it", a number, or new ones when nothing is held by Cal.com."""
    if part.words in {"all", "it"}:  # of a queue that the headline names, or of all that is held
        return "still held" in part.seen.headline or "The limit" in part.seen.headline or checks.none_for_a_person(part)
    if part.words == "new ones are held, and":
        return part.lately.counted(lambda record: record.held_count(*BY_CALCOM), 0)
    return held(*BY_CALCOM)(part)


_RISK = r"(?:, (risk:N) at risk(?: \(first at (first:M)\))?)?"
_QUEUE: Mapping[str, Check] = MappingProxyType({"queue": held("breaker_open", "in_line", "throttled")})
SLOW = 0.3  # seconds for our statements: then a reading of the page may take longer than its patience
LIMIT = 100  # calls a minute, of this deployment


def _is_back(seen: Seen) -> bool:
    """Return whether the breaker is closed and Cal.com well: nothing that was done to it lasts."""
    return in_state("closed")(seen) and seen.lately.once(lambda one: not one.done & {"outage", "refused key"})


def _pace(part: Part) -> bool:
    """Check how many calls were made lately: half or twice as many are the same."""
    a_minute = part.number * (60 if part.words.endswith("second") else 1)
    return a_minute <= 2 * LIMIT


def _grows(seen: Seen) -> bool:
    """Return whether as many are held as a minute ago, or more."""
    before = seen.world.lately(seen.at - checks.timedelta(seconds=60))
    then = [record.held_count() for record in before.records()]
    return bool(then) and seen.lately.recorded(lambda record: record.held_count() >= min(then) - 1)


def _last_call(part: Part) -> bool:
    return part.lately.once(lambda one: checks.near(one.figures(None).last_call_at, part.at, 2.5))


def _is_well(seen: Seen) -> bool:
    """Return whether nothing was wrong: no trouble lasted, and no breaker was open."""
    wrong = {"outage", "refused key", "order", "dead Postgres", "dead Redis", "slow Postgres"}
    return seen.lately.once(lambda one: not one.done & wrong) and in_state("closed")(seen)


def _lookups_fail(part: Part) -> bool:
    return all(part.lately.once(lambda one, name=name: one.state(name) != "closed") for name in part.words.split(", "))


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
    Pattern(HEAD, r"Postgres is slow: the figures cannot be read\.", {}, _is_slow),
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
        rf"(?:Cal\.com cannot be reached|Cal\.com answers no lookups \((lookups:[\w., ]+)\))(?:: (?:(some:N) of )?{_DAMAGE})?(?:, tried again in (again:M))?\.",
        {**_DAMAGES, "again": checks.next_until("unreachable"), "some": held("unreachable"), "lookups": _lookups_fail},
        lambda seen: seen.lately.recorded(lambda record: record.held_count("unreachable")),
    ),
    Pattern(("nothing",), rf"If you do nothing: {_BY_THEMSELVES}", _GOING),
    Pattern(
        ("nothing",),
        rf"If you do nothing: nothing goes until the override is ended \(`?booking breaker auto`?\){_CALL}\.",
        _DAMAGES,
        in_state("forced_open"),
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is back(?: since (since:M))?(?: \(down (lasted:[^)]+)\))?: (queue:N) still held{_RISK}(?:, (pace:N) a (?:second|minute))?\.",
        {**_DAMAGES, **_QUEUE, "since": checks.changed_at("closed"), "lasted": checks.lasted, "pace": _pace},
        _is_back,
    ),
    Pattern(
        HEAD,
        rf"What was held back goes(?: since (since:M))?: (queue:N) still held{_RISK}(?:, (pace:N) a (?:second|minute))?\.",
        {**_DAMAGES, **_QUEUE, "since": checks.changed_at("closed"), "pace": _pace},
        in_state("closed"),
    ),
    Pattern(
        HEAD,
        rf"The limit is reached: (queue:N) waits?(?:, at most (limit:N) a minute go|, and nothing goes for (pause:M))?\.",
        {**_QUEUE, "limit": lambda part: part.number == LIMIT, "pause": lambda part: part.at > part.seen.at - checks.timedelta(seconds=3)},
        in_state("closed", "off"),
    ),
    Pattern(("nothing",), r"If you do nothing: done (?:at about|in about) (done:M)\.", {"done": lambda _: True}),
    Pattern(
        ("nothing",),
        rf"If you do nothing: more is asked for than goes: it does not end by itself{_CALL}\.",
        _DAMAGES,
        _grows,
    ),
    Pattern(
        HEAD,
        r"Cal\.com is failing: (failed:N) of (calls:N) calls in 5 min(?:, mostly (mostly:[\w ]+))?\.",
        {
            "failed": lambda part: part.lately.counted_there(lambda one: one.figures(None).failures, part.number),
            "calls": lambda part: part.lately.counted_there(lambda one: one.figures(None).calls, part.number),
            "mostly": lambda _: True,
        },
    ),
    Pattern(
        HEAD,
        r"The database is failing: N of N statements in 5 min\.",
        {},
        lambda seen: seen.world.between(seen.at - checks.timedelta(minutes=5), seen.at).once(lambda one: one.record is None),
    ),
    Pattern(
        ("nothing",),
        r"If you do nothing: failed calls are repeated, and (?:the breaker opens by itself if it gets worse|the breaker is off: it never opens, and retries may be used up)\.",
        {},
    ),
    Pattern(
        ("nothing",),
        r"If you do nothing: what failed is repeated; look at Postgres: its log, its locks, its connections\.",
        {},
    ),
)
YOURS = (
    Pattern(
        HEAD,
        rf"(count:N) waits? for you: .+\.",
        {"count": held("blind_key", "suspect", "configuration")},
    ),
    Pattern(
        ("nothing",),
        r"If you do nothing: (?:nothing is posted, and each ends with its slot|Cal\.com is asked again each minute, .+|the event type is looked for each minute, .+)\.",
        {},
    ),
    Pattern(
        HEAD,
        r"(?:(failed:N) bookings? failed for good)?(?: and )?(?:(expired:N)(?: bookings?)? expired)? in the last 15 min\.",
        {
            "failed": counted(lambda record: record.ended.get("failed", 0)),
            "expired": counted(lambda record: record.ended.get("expired", 0)),
        },
    ),
    Pattern(("nothing",), r"If you do nothing: they stay as they are: call the customers(?:, or Retry what failed)?\.", {}),
    Pattern(
        HEAD,
        r"Cal\.com was not called(?: since (since:M))?; the next booking tries it\.",
        {"since": lambda part: part.at <= part.seen.at},
        in_state("half_open"),
    ),
    Pattern(("nothing",), r"If you do nothing: nothing is held up\.", {}, lambda seen: seen.lately.counted(lambda record: record.held_count(*BY_CALCOM), 0)),
    Pattern(HEAD, rf"Some wait for long: {_DAMAGE}\.", _DAMAGES),
    Pattern(("nothing",), rf"If you do nothing: they go when what holds them is over{_CALL}\.", _DAMAGES),
    Pattern(
        HEAD,
        rf"All is well: (?:(booked:N) booked in 24 h, )?{_DAMAGE}(?:, last call (last:M) ago(?: in [\d.]+ s)?)?\.",
        {**_DAMAGES, "booked": counted(lambda record: record.day.get("confirmed", 0)), "last": _last_call},
        _is_well,
    ),
    Pattern(HEAD, r"Ready: no booking yet\.", {}, lambda seen: seen.lately.recorded(lambda record: not record.rows)),
    Pattern(HEAD, r"Reading how everything stands…", {}),
)
NOTES = (
    Pattern(
        ("note",),
        r"These figures are of \d\d:\d\d:\d\d: (?:Postgres does not answer|Postgres is slow)\.",
        {},
        lambda seen: seen.lately.once(lambda one: one.done & {"dead Postgres", "slow Postgres"} or one.took > SLOW),
    ),
    Pattern(("note",), r"(?:Postgres does not answer|Postgres is slow): how many are held is not known\.", {}, done("dead Postgres", "slow Postgres")),
    Pattern(
        ("note",),
        r"(?:(unknown:N) may be booked: each is looked up before it is posted again\. ?)?(?:Messages in the queues: bookings (bookings:N), maintenance N\.)?",
        {
            "unknown": counted(lambda record: sum(row["outcome_unknown"] for row in record.rows.values())),
            "bookings": lambda part: part.lately.counted_there(lambda one: one.messages, part.number),
        },
    ),
    Pattern(
        ("note",),
        r"The charts are of \d\d:\d\d:\d\d; there are no newer figures now\.",
        {},
        lambda seen: seen.world.between(seen.at - checks.timedelta(seconds=15), seen.at).once(
            lambda one: one.done & {"dead Postgres", "slow Postgres"} or one.took > SLOW
        ),
    ),
    Pattern(("note",), r"The list cannot be read now; what is below is older\.", {}, lambda seen: seen.world.between(seen.at - checks.timedelta(seconds=15), seen.at).once(lambda one: one.done or one.took > SLOW)),
    Pattern(("trouble",), r"No new reading\. These figures are of \d\d:\d\d:\d\d\.", {}),
)
