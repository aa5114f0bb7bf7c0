"""The cards, the servers, the tables of what is held and of bookings, and the totals."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from resilience.call_stats.counts import Figures
from tests.truth.claims import checks
from tests.truth.claims.checks import counted, done, held
from tests.truth.claims.grammar import Part, Pattern, Seen, near
from tests.truth.past import Past, Snapshot
from tests.truth.record import Record

_STATES = {
    "closed": "closed",
    "open": "open",
    "half-open": "half_open",
    "held back by order": "forced_open",
    "off by override": "off",
}
NONE = "\N{EN DASH}"  # nothing to say
_LIST_EVERY = timedelta(seconds=10)  # so often a list is read again that has not changed
_GONE = {"PostgreSQL": "dead Postgres", "Redis": "dead Redis", "Broker": "dead Redis"}
_WAITS = {"by an operator's order": ("order",), "now for our key": ("refused key",), "now for Cal.com's API": ()}
_FIRST = {"oldest_held_at": "held_at", "first_start": "start_at", "next_until": "hold_until"}
_DAY = ("confirmed", "rejected", "failed", "expired", "cancelled")


def _endpoint(seen: Seen) -> str:
    name = seen.told.text.split(" | ")[0]
    return "" if name == "Cal.com" else name


def _figures(seen: Seen, one: Snapshot) -> Figures:
    if seen.told.text.startswith("Database"):
        return one.statements
    return one.figures(_endpoint(seen) or None)


def _card_state(part: Part) -> bool:
    if part.seen.told.text.startswith("Database"):
        return part.words != "unknown" or done("dead Postgres", "slow Postgres", "dead Redis", "slow Redis")(part.seen)
    if part.words == "unknown":
        return done("dead Redis", "slow Redis")(part.seen)
    return checks.was_in(part.seen, _endpoint(part.seen), {_STATES[part.words]})


def _card_since(part: Part) -> bool:
    endpoint = _endpoint(part.seen) or None
    if part.seen.told.text.split(" | ")[1].startswith("unknown"):
        return part.at <= part.seen.at

    def moments(record: Record) -> Iterator[datetime]:
        return (one["at"] for one in record.changes if one["endpoint"] == endpoint)

    return part.lately.once(
        lambda one: near(checks.ended(one, endpoint or ""), part.at) or near(one.since(endpoint or ""), part.at)
    ) or part.lately.met(moments, part.at)


def _calls(part: Part) -> bool:
    return part.lately.counted_there(lambda one: _figures(part.seen, one).calls, part.number)


def _failed(part: Part) -> bool:
    return part.lately.counted_there(lambda one: _figures(part.seen, one).failures, part.number)


def _is_well(seen: Seen) -> bool:
    name = seen.told.text.split()[0]
    return checks.free_of(_GONE[name])(seen)


def _is_gone(seen: Seen) -> bool:
    return done(_GONE[seen.told.text.split()[0]], "slow Redis")(seen)


def _reason(seen: Seen) -> str:
    return seen.told.text.split(" | ")[0].partition(",")[0].replace(" ", "_")


def _of_reason(name: str) -> checks.Check:
    def check(part: Part) -> bool:
        reason = _reason(part.seen)
        if not part.moments:
            return part.lately.counted(
                lambda record: int(record.held.get(reason, {}).get(name, 0)), part.number, at_least=part.at_least
            )
        return part.lately.first(_FIRST[name], part.at, reason)

    return check


def _rows(seen: Seen) -> Past:
    return seen.world.between(seen.at - _LIST_EVERY - timedelta(seconds=3), seen.at)


def _row(part: Part, holds: Callable[[dict[str, Any]], Any]) -> bool | None:
    """Check a booking's row."""
    return _rows(part.seen).was(int(part.seen.told.text.split(" | ")[0]), holds)


def _row_state(part: Part) -> bool:
    status, _, reason = part.words.partition(" ")
    return _row(part, lambda row: (row["status"], row["hold_reason"] or "") == (status, reason.replace(" ", "_")))


def _row_next(part: Part) -> bool:
    if part.moments:
        return _row(part, lambda row: near(row["hold_until"] or row["next_attempt_at"], part.at))
    return _row(part, lambda row: (part.words == "due") == bool(row["hold_until"] or row["next_attempt_at"]))


def _error(name: str | None) -> str:
    return "Cal.com's database" if name == "database" else (name or NONE).replace("_", " ")


def _level(seen: Seen) -> bool:
    """Return whether "Calm" is true: nothing was done lately, and nothing is held or has ended badly."""
    if seen.told.text != "Calm":
        return True
    return seen.lately.recorded(lambda record: not record.held_count() and not record.ended)


FIGURES = (
    Pattern(("level",), r"(?:Calm|Warning|Critical|Reading)", {}, _level),
    Pattern(
        ("card",),
        r"(?:Cal\.com|Database|[\w.]+) \| (state:[\w -]+?)(?: for (since:M))?(?: \| next probe in (probe:M))?"
        r"(?: \| until (until:M))?(?: \| by (by:[^|]+))?"
        r"(?: \| (?:(failed:N) of (calls:N) failed|no call) (?:in 5 min|since it closed))?"
        r"(?: \| [\d.]+ m?s on average)?(?: \| limit: (left:N) calls left)?",
        {
            "state": _card_state,
            "since": _card_since,
            "probe": checks.ends_at,
            "until": checks.override_until,
            "by": lambda part: part.lately.recorded(
                lambda record: any(one["by"] in part.words for one in record.overrides)
            ),
            "failed": _failed,
            "calls": _calls,
            "left": lambda part: part.number >= 0,
        },
    ),
    Pattern(("server",), r"(?:PostgreSQL|Redis|Broker) well(?: answers in [\d.]+ ms)?", {}, _is_well),
    Pattern(
        ("server",),
        r"(?:PostgreSQL|Redis|Broker) no answer(?: for (since:M))?",
        {"since": lambda part: part.at <= part.seen.at},
        _is_gone,
    ),
    Pattern(("server",), r"(?:PostgreSQL|Redis|Broker) unknown", {}, lambda seen: checks.is_slow(seen, 5)),
    Pattern(
        ("hold",),
        r"[a-z ]+(?:, (waits:by an operator's order|now for our key|now for Cal\.com's API))?"
        r" \| (count:N) \| (?:none|(at_risk:N) at risk) \| (oldest_held_at:M) \| (first_start:M) \| .+?(?:, next"
        r" in (next_until:M))?",
        {name: _of_reason(name) for name in ("count", "at_risk", "oldest_held_at", "first_start", "next_until")}
        | {"waits": lambda part: done(*_WAITS[part.words])(part.seen)},
    ),
    Pattern(("no hold",), r"Nothing is held\.", {}, lambda seen: seen.lately.counted(Record.held_count, 0)),
    Pattern(("no hold",), r"Not known now\.", {}, done("slow Postgres", "dead Postgres")),
    *(
        Pattern(("total",), rf"{name} \| (count:N)", {"count": counted(checks.status(name))})
        for name in ("pending", "booking", "retrying")
    ),
    Pattern(("total",), r"held \| (count:N)", {"count": held()}),
    *(
        Pattern(
            ("total",), rf"{name} \| (count:N)", {"count": counted(lambda record, name=name: record.day.get(name, 0))}
        )
        for name in _DAY
    ),
    Pattern(
        ("row",),
        r"\d+ \| (state:[a-z ]+)(?: \| (account:[a-z0-9][a-z0-9-]*))? \| type \d+ \| (starts:M)(?: (moved:moved))?"
        r" \| (asked:M) ago"
        rf" \| (next:in its turn|in M|due|{NONE}) \| (?:(unknown:outcome unknown): )?(error:.+)",
        {
            "state": _row_state,
            "account": lambda part: _row(part, lambda row: row["account"] == part.words),
            "starts": lambda part: _row(part, lambda row: near(row["booked_start_at"] or row["start_at"], part.at)),
            "moved": lambda part: _row(part, lambda row: row["booked_start_at"]),
            "asked": lambda part: _row(part, lambda row: near(row["requested_at"], part.at)),
            "next": _row_next,
            "unknown": lambda part: _row(part, lambda row: row["outcome_unknown"]),
            "error": lambda part: _row(part, lambda row: _error(row["error_type"]) == part.words.partition(",")[0]),
        },
    ),
)
