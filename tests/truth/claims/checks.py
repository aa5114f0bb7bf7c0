"""What parts of sentences claim, each compared with PostgreSQL, Redis, the simulator or what was done."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta

from db.lifecycle import HoldReason
from tasks.overview.ranking.phrases import OF_AN_OUTAGE
from tests.truth.claims.grammar import Check, Part, Seen, near
from tests.truth.past import Snapshot
from tests.truth.record import Record
from tests.truth.world import AHEAD, LATEST

BUSY = 0.05  # seconds for our few statements: a fourth of it is usual
SLOW = 0.3  # seconds for our statements: then a reading of the page may take longer than its patience
CALCOM = ("", "bookings.create")  # the breakers of which sentences speak
BY_CALCOM = tuple(reason.value for reason in OF_AN_OUTAGE)
FOR_A_PERSON = tuple(reason.value for reason in HoldReason if reason not in OF_AN_OUTAGE)


def held(*reasons: str) -> Check:
    """Check how many bookings these reasons hold (none: all reasons)."""
    return lambda part: part.lately.counted(
        lambda record: record.held_count(*reasons), part.number, at_least=part.at_least
    )


def held_there(*reasons: str) -> Check:
    """Check how many bookings these reasons (none: all) hold at the settings' Cal.com: of one account, all."""
    return counted(lambda record: len(record.there(*reasons)))


def of_limit(account: str) -> Check:
    """Check how many bookings wait for an account's limit; of one account all that are in line."""
    queued = ("breaker_open", "in_line", "throttled")
    return counted(lambda record: record.of_limit(account) if record.several else record.held_count(*queued))


def counted(count: Callable[[Record], int]) -> Check:
    """Check a count of PostgreSQL's."""
    return lambda part: part.lately.counted(count, part.number, at_least=part.at_least)


def status(name: str) -> Callable[[Record], int]:
    """Count the bookings in a state."""
    return lambda record: int(record.states.get(name, {}).get("count", 0))


at_risk = counted(Record.at_risk)


def risk_there(part: "Part") -> bool | None:
    """Check how many are at risk at the settings' Cal.com; of several accounts that as many are at risk at all."""
    if part.lately.recorded(lambda record: record.several):
        return part.lately.recorded(lambda record: record.at_risk() >= part.number)
    return at_risk(part)


def first_there(part: "Part") -> bool | None:
    """Check when the first at risk expires; of several accounts that one of them does then."""
    if part.lately.recorded(lambda record: record.several):
        return part.lately.met(lambda record: (row["start_at"] for row in record.rows.values()), part.at)
    return first_at_risk(part)


ended_badly = counted(lambda record: sum(record.ended.values()))


def first_at_risk(part: Part) -> bool:
    """Check when the first held booking expires; HOLD_LEAD is 0 in this deployment."""
    return part.lately.first("start_at", part.at)


def oldest_held(*reasons: str) -> Check:
    """Check since when the oldest is held for one of these reasons."""
    return lambda part: part.lately.first("held_at", part.at, *reasons)


def next_until(reason: str) -> Check:
    """Check when the first of a reason is tried again."""
    return lambda part: part.lately.first("hold_until", part.at, reason)


def changed_at(*states: str) -> Check:
    """Check that a breaker of Cal.com came into one of these states then."""

    def moments(record: Record) -> Iterator[datetime | None]:
        return (one["at"] for one in record.changes if one["new"] in states and (one["endpoint"] or "") in CALCOM)

    def check(part: Part) -> bool | None:
        """An epoch is the moment of its change, which Redis has before PostgreSQL."""
        known = part.lately.once(lambda one: any(near(one.since(name), part.at) for name in CALCOM))
        return known or part.lately.met(moments, part.at)

    return check


def ends_at(part: Part) -> bool:
    """Check when an open breaker lets its next probe go."""
    return part.lately.once(lambda one: any(near(ended(one, name), part.at) for name in CALCOM))


def ended(one: Snapshot, endpoint: str) -> datetime | None:
    """Return when the state of a breaker ends by itself; None: it does not."""
    if one.breaker is None:
        return None
    ends = one.breaker.get(f"{endpoint}/ends" if endpoint else "ends")
    return datetime.fromtimestamp(float(ends) / 1000, tz=one.at.tzinfo) if ends and float(ends) else None


def in_state(*states: str) -> Callable[[Seen], bool]:
    """Return whether one of the two breakers was in one of these states."""
    return lambda seen: any(was_in(seen, name, states) for name in CALCOM)


def was_in(seen: Seen, endpoint: str, states: Collection[str]) -> bool:
    """Return whether a breaker was in one of these states, as Redis has it, or left or reached one since.

    A state that ends between two snapshots is only among the changes, which PostgreSQL has a moment later than Redis.
    """

    def has_changed(record: Record) -> bool:
        return any(
            seen.at - LATEST <= one["at"] <= seen.at + AHEAD
            and (one["endpoint"] or "") == endpoint
            and {one["old"], one["new"]} & {*states}
            for one in record.changes
        )

    since = seen.world.after(seen.at - LATEST)
    return seen.lately.once(lambda one: one.state(endpoint) in states) or since.recorded(has_changed)


def done(*troubles: str, seconds: float = LATEST.total_seconds()) -> Callable[[Seen], bool]:
    """Return whether one of these troubles lasted, at that moment or so many seconds before."""
    return lambda seen: seen.world.lasted(troubles, seen.at - timedelta(seconds=seconds), seen.at)


def free_of(*troubles: str) -> Callable[[Seen], bool]:
    """Return whether none of these troubles lasted, at that moment or before it was noticed."""

    def check(seen: Seen) -> bool:
        return not all(seen.world.lasted(troubles, at, at) for at in (seen.at - LATEST, seen.at))

    return check


def is_slow(seen: Seen, seconds: float = LATEST.total_seconds()) -> bool | None:
    """Return whether a reading of PostgreSQL could take too long; None: nobody can tell on a busy host."""
    lately = seen.world.between(seen.at - timedelta(seconds=seconds), seen.at)
    if done("slow Postgres", "dead Postgres", seconds=seconds)(seen) or lately.once(lambda one: one.took > SLOW):
        return True
    return None if lately.once(lambda one: one.took > BUSY) else False


def began(*troubles: str) -> Check:
    """Check that one of these troubles began at that moment, or so little before that it was not noticed yet."""
    return lambda part: part.seen.world.began(troubles, part.at - 2 * LATEST, part.at)


def unanswered(*, dead: str, slow: str) -> Check:
    """Check that a server died at that moment, or was slow then: two answers in a row that are late are none."""

    def check(part: Part) -> bool:
        world, since = part.seen.world, part.at - 2 * LATEST
        return world.began({dead}, since, part.at) or world.lasted({slow}, since, part.at)

    return check


def refuses(part: Part) -> bool:
    """Check that new requests are refused: Postgres is stopped, or the last one was refused."""
    return part.lately.once(lambda one: not one.accepts) or done("dead Postgres")(part.seen)


def answers(part: Part) -> bool:
    """Check that new requests are kept."""
    return part.lately.once(lambda one: one.accepts)


def override(part: Part) -> bool:
    """Check that who ordered it, and why, is in the record."""
    return part.lately.recorded(lambda record: any(part.words == _given(one) for one in record.overrides))


def _given(one: dict[str, object]) -> str:
    return ": ".join(filter(None, (str(one["by"]), f'"{one["why"]}"' if one["why"] else "")))


def override_until(part: Part) -> bool:
    """Check until when an order lasts."""
    if not part.moments:
        return part.lately.recorded(lambda record: any(one["until"] is None for one in record.overrides))
    return part.lately.met(lambda record: (one["until"] for one in record.overrides), part.at)


def incident_since(kind: str, *held_for: str) -> Check:
    """Check that an incident of a kind is open since then, or what is held by it is."""

    def moments(record: Record) -> Iterator[datetime | None]:
        yield from (one["opened_at"] for one in record.incidents or () if one["kind"] == kind)
        yield from (record.held[one]["oldest_held_at"] for one in held_for if one in record.held)
        yield from (one["at"] for one in record.overrides if one["mode"] == kind)

    return lambda part: part.lately.met(moments, part.at)


def none_for_a_person(part: Part) -> bool:
    """Check that all that is held goes by itself."""
    return part.lately.counted(lambda record: record.held_count(*FOR_A_PERSON), 0)


def lasted(part: Part) -> bool:
    """Check how long the last outage lasted, from its first opening to the closing that ended it."""

    def spans(record: Record) -> Iterator[timedelta]:
        changes = [one for one in record.changes if (one["endpoint"] or "") in CALCOM]
        for closing in (one for one in changes if one["new"] == "closed"):
            yield from (
                closing["at"] - one["at"] for one in changes if one["new"] == "open" and one["at"] < closing["at"]
            )

    return part.lately.recorded(
        lambda record: any(abs(duration(part.words) - one) <= _off(part.words) for one in spans(record))
    )


def duration(words: str) -> timedelta:
    """Read "17 s", "5 min", "3 h" or "4 days"."""
    number, unit = words.split()
    return timedelta(**{{"s": "seconds", "min": "minutes", "h": "hours", "days": "days"}[unit]: float(number)})


def _off(words: str) -> timedelta:
    return timedelta(seconds=2) if words.endswith(" s") else duration(f"1 {words.split()[1]}")
