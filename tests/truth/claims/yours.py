"""Sentences of tasks/overview/ranking/yours.py."""

from tests.truth.claims import checks
from tests.truth.claims.checks import BY_CALCOM, counted, free_of, held, in_state
from tests.truth.claims.clauses import CALL, DAMAGE, DAMAGES, HEAD, IF, NOTHING
from tests.truth.claims.grammar import Part, Pattern, Seen


def _last_call(part: Part) -> bool:
    return part.lately.once(lambda one: checks.near(one.figures(None).last_call_at, part.at, 2.5))


def _is_well(seen: Seen) -> bool:
    """Return whether nothing was wrong: no trouble lasted, and no breaker was open."""
    wrong = {"outage", "refused key", "order", "dead Postgres", "dead Redis", "slow Postgres"}
    return free_of(*wrong)(seen) and in_state("closed")(seen)


YOURS = (
    Pattern(
        HEAD,
        r"(count:N) waits? for you: .+\.",
        {"count": held("blind_key", "suspect", "configuration")},
    ),
    Pattern(
        NOTHING,
        IF + r"(?:nothing is posted, and each ends with its slot|Cal\.com is asked again each minute, .+|the event"
        r" type is looked for each minute, .+)\.",
        {},
    ),
    Pattern(
        HEAD,
        r"(?:(failed:N) bookings? failed for good)?(?: and )?(?:(expired:N)(?: bookings?)? expired)? in the last"
        r" 15 min\.",
        {
            "failed": counted(lambda record: record.ended.get("failed", 0)),
            "expired": counted(lambda record: record.ended.get("expired", 0)),
        },
    ),
    Pattern(NOTHING, IF + r"they stay as they are: call the customers(?:, or Retry what failed)?\.", {}),
    Pattern(
        HEAD,
        r"Cal\.com was not called(?: since (since:M))?; the next booking tries it\.",
        {"since": lambda part: part.at <= part.seen.at},
        in_state("half_open"),
    ),
    Pattern(
        NOTHING,
        IF + r"nothing is held up\.",
        {},
        lambda seen: seen.lately.counted(lambda record: record.held_count(*BY_CALCOM), 0),
    ),
    Pattern(HEAD, rf"Some wait for long: {DAMAGE}\.", DAMAGES),
    Pattern(NOTHING, IF + rf"they go when what holds them is over{CALL}\.", DAMAGES),
    Pattern(
        HEAD,
        rf"All is well: (?:(booked:N) booked in 24 h, )?{DAMAGE}(?:, last call (last:M) ago(?: in [\d.]+ s)?)?\.",
        {**DAMAGES, "booked": counted(lambda record: record.day.get("confirmed", 0)), "last": _last_call},
        _is_well,
    ),
    Pattern(HEAD, r"Ready: no booking yet\.", {}, lambda seen: seen.lately.recorded(lambda record: not record.rows)),
    Pattern(HEAD, r"Reading how everything stands…", {}),
)
