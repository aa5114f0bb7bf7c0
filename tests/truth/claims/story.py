"""What has happened: the breakers' changes and the incidents."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason
from tasks.story.sentences import because
from tests.truth.claims.checks import BY_CALCOM
from tests.truth.claims.grammar import Part, Pattern, near
from tests.truth.past import Past
from tests.truth.record import Record

_STATES = {
    "closed": "closed",
    "open": "open",
    "half-open": "half_open",
    "held back by order": "forced_open",
    "off by override": "off",
}
AS_OF = ", as of @"
_ELSEWHERE = "Cal.com at "
NEAR = timedelta(seconds=1.5)
CHECKED = timedelta(seconds=5 + 3 + 1)  # a health check each five seconds, the page's three, and how long both take
_OWN = {reason.replace("_", " "): (reason.value,) for reason in HoldReason} | {"held too long": ()}
_ONE = "closed|open|half-open|held back by order|off by override"


def _change(part: Part) -> bool:
    """Check that a breaker changed so at that moment, for that reason, and by whom."""
    found = re.fullmatch(rf"(\S+?)(?: ({_ONE}) →)? ({_ONE}) (.+?)(?: by (\w+))?(?:: “(.*)”)?", part.words.lstrip("@"))
    if found is None:
        return False
    name, old, new, reason, by, why = found.groups()
    endpoint = None if name == "Cal.com" else name

    def is_it(one: dict[str, object]) -> bool:
        at = one["at"]
        return (
            isinstance(at, datetime)
            and near(at, part.at)
            and (one["endpoint"], one["new"], because(_STATES[new], str(one["reason"])))
            == (endpoint, _STATES[new], reason)
            and (old is None or one["old"] == _STATES[old])
            and (by, why) in {(None, None), (one["by"], one["why"])}
        )

    return part.lately.recorded(lambda record: any(map(is_it, record.changes)))


def _same(words: str, title: str) -> bool:
    """Return whether an incident's line is this title; its numbers are of the last check, and checked by themselves."""
    plain = re.sub(r"[\d,.]+", "0", words.replace(AS_OF, ""))
    return plain.startswith(re.sub(r"[\d,.]+", "0", title))


def _incident(part: Part) -> bool:
    """Check that an incident with this first line is open since that moment."""
    opened = part.moments[0].at

    def is_open(record: Record) -> bool:
        return any(
            near(one["opened_at"], opened) and _same(part.words.lstrip("@"), one["title"])
            for one in record.incidents or ()
        )

    return part.lately.recorded(is_open)


def _reasons(part: Part) -> tuple[str, ...]:
    """Return the hold reasons that an incident counts: its own, or those of an outage."""
    kind = part.seen.told.text.split(", open for")[0]
    return next((reason for name, reason in _OWN.items() if kind.endswith(name)), BY_CALCOM)


def _of_incident(part: Part, count: Callable[..., int]) -> bool | None:
    """Check a number of an incident; with a refused key the whole queue counts as held by it.

    What waits for another Cal.com is no count of the record: nobody can tell.
    """
    if _ELSEWHERE in part.seen.told.text:
        return None
    own, past = _reasons(part), _checked(part)
    sets = [own, (*own, *QUEUED)] if own == ("credentials",) else [own]
    found = [past.counted(lambda record, some=some: count(record, *some), part.number) for some in sets]
    return None if None in found else any(found)


def _checked(part: Part) -> Past:
    """Return what a health check of the last seconds may have found, or the one that the line names."""
    if AS_OF not in part.seen.told.text:
        return part.seen.world.between(part.seen.at - CHECKED, part.seen.at)
    as_of = part.seen.told.moments[1].at  # the first is since when it is open
    return part.seen.world.between(as_of - NEAR, as_of + NEAR)


STORY = (
    Pattern(
        ("change",),
        r"(change:M.+ (?:closed|open|half-open|held back by order|off by override) .+)",
        {"change": _change},
    ),
    Pattern(
        ("incident",),
        r"(incident:M.+?(?:: (held:N) held, (risk:N) at risk)?(?:" + AS_OF.replace("@", "M") + ")?"
        r" [a-z ]+, open for M, (?:told at M|not told yet))(?:What to do: .+)?(?:Show)?",
        {
            "incident": _incident,
            "held": lambda part: _of_incident(part, Record.held_count),
            "risk": lambda part: _of_incident(part, Record.at_risk),
        },
    ),
)
