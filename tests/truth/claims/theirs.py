"""Sentences of tasks/overview/ranking/theirs.py."""

from datetime import timedelta

from tests.truth.claims import checks
from tests.truth.claims.checks import done, held, in_state
from tests.truth.claims.clauses import BY_THEMSELVES, CALL, DAMAGE, GOING, HEAD, IF, NOTHING, QUEUE, RISK, THERE
from tests.truth.claims.grammar import Part, Pattern, Seen

LIMIT = 100  # calls a minute, of this deployment


def _is_down(seen: Seen) -> bool:
    """Return whether the breaker is open, and Cal.com fails or did a moment ago: it may not have been tried since."""
    return in_state("open")(seen) and done("outage", "bad day", "blind key", seconds=60)(seen)


def _is_back(seen: Seen) -> bool:
    """Return whether the breaker is closed, and Cal.com was well once since then: that it is not is seen by a call."""
    since = seen.told.moments[0].at if seen.told.moments else seen.at
    return in_state("closed")(seen) and seen.world.free(("outage", "refused key"), since, seen.at)


def _pace(part: Part) -> bool:
    """Check how many calls were made lately: half or twice as many are the same."""
    a_minute = part.number * (60 if part.words.endswith("second") else 1)
    return a_minute <= 2 * LIMIT


def _grows(seen: Seen) -> bool:
    """Return whether as many are held as a minute ago, or more."""
    before = seen.world.lately(seen.at - timedelta(seconds=60))
    then = [record.held_count() for record in before.records()]
    return bool(then) and seen.lately.recorded(lambda record: record.held_count() >= min(then) - 1)


def _lookups_fail(part: Part) -> bool:
    return all(part.lately.once(lambda one, name=name: one.state(name) != "closed") for name in part.words.split(", "))


THEIRS = (
    Pattern(
        HEAD,
        r"An operator holds all back(?: until told otherwise| until (until:M))"
        rf"(?: \((given:[^()]+)\))?(?:: {DAMAGE})?\.",
        {**THERE, "until": checks.override_until, "given": checks.override},
        in_state("forced_open"),
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is down(?: for (?P<endpoint>bookings\.create))?(?: since (since:M))?(?:: {DAMAGE})?(?:, next"
        rf" probe in (probe:M))?\.",
        {
            **THERE,
            "since": checks.changed_at("open"),
            "probe": checks.ends_at,
            "endpoint": lambda part: part.lately.once(lambda one: one.state("bookings.create") == "open"),
        },
        _is_down,
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is being tried(?:, down since (since:M)| after an override)?(?:: {DAMAGE})?\.",
        {**THERE, "since": checks.changed_at("open")},
        in_state("half_open"),
    ),
    Pattern(
        HEAD,
        rf"(?:Cal\.com cannot be reached|Cal\.com answers no lookups \((lookups:[\w., ]+)\))(?:: (?:(some:N) of"
        rf" )?{DAMAGE})?(?:, tried again in (again:M))?\.",
        {**THERE, "again": checks.next_until("unreachable"), "some": held("unreachable"), "lookups": _lookups_fail},
        lambda seen: seen.lately.recorded(lambda record: record.held_count("unreachable")),
    ),
    Pattern(NOTHING, IF + rf"{BY_THEMSELVES}", GOING),
    Pattern(
        NOTHING,
        IF + rf"nothing goes until the override is ended \(`?booking breaker auto`?\){CALL}\.",
        THERE,
        in_state("forced_open"),
    ),
    Pattern(
        HEAD,
        rf"Cal\.com is back(?: since (since:M))?(?: \(down (lasted:[^)]+)\))?: (queue:N) still held{RISK}(?:,"
        rf" (pace:N) a (?:second|minute))?\.",
        {**THERE, **QUEUE, "since": checks.changed_at("closed"), "lasted": checks.lasted, "pace": _pace},
        _is_back,
    ),
    Pattern(
        HEAD,
        rf"What was held back goes(?: since (since:M))?: (queue:N) still held{RISK}(?:, (pace:N) a (?:second"
        rf"|minute))?\.",
        {**THERE, **QUEUE, "since": checks.changed_at("closed"), "pace": _pace},
        in_state("closed"),
    ),
    Pattern(
        HEAD,
        r"The limit(?: of default)? is reached: (queue:N) waits?(?:, at most (limit:N) a minute go"
        r"|, and nothing goes for (pause:M))?\.",
        {
            "queue": checks.of_limit("default"),
            "limit": lambda part: part.number == LIMIT,
            "pause": lambda part: part.at > part.seen.at - timedelta(seconds=3),
        },
        in_state("closed", "off"),
    ),
    Pattern(NOTHING, IF + r"done (?:at about|in about) (done:M)\.", {"done": lambda _: True}),
    Pattern(
        NOTHING,
        IF + rf"more is asked for than goes: it does not end by itself{CALL}\.",
        THERE,
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
        lambda seen: seen.world.between(seen.at - timedelta(minutes=5), seen.at).once(lambda one: one.record is None),
    ),
    Pattern(
        NOTHING,
        IF + r"failed calls are repeated, and (?:the breaker opens by itself if it gets worse|the breaker is off: it"
        r" never opens, and retries may be used up)\.",
        {},
    ),
    Pattern(
        NOTHING,
        IF + r"what failed is repeated; look at Postgres: its log, its locks, its connections\.",
        {},
    ),
)
