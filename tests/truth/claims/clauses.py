"""Clauses that several sentences share: a pattern, and the checks of its groups."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.truth.claims import checks
from tests.truth.claims.checks import BY_CALCOM, FOR_A_PERSON, held
from tests.truth.claims.grammar import Check, Part

HEAD = ("sentence", "also")
NOTHING = ("nothing",)
IF = "If you do nothing: "
RISK = r"(?:, (risk:N) at risk(?: \(first at (first:M)\))?)?"
DAMAGE = rf"(held:N) held{RISK}(?:, (ended:N) failed or expired)?"
CALL = r"(?:; (risk_:N) (?:expires at|expire from) (first_:M): call (?:those|that one))?"
DAMAGES: Mapping[str, Check] = MappingProxyType(
    {"held": held(), "risk": checks.at_risk, "first": checks.first_at_risk, "ended": checks.ended_badly}
)
THERE: Mapping[str, Check] = MappingProxyType(
    {**DAMAGES, "held": checks.held_there(), "risk": checks.risk_there, "first": checks.first_there}
)
"""Of a sentence about the settings' Cal.com, which counts what waits for that."""
QUEUE: Mapping[str, Check] = MappingProxyType({"queue": checks.held_there("breaker_open", "in_line", "throttled")})


def _goes(part: Part) -> bool | None:
    """Check how many go by themselves: "all", "it", a number, or new ones when nothing is held by Cal.com."""
    if part.lately.recorded(lambda record: record.several):  # of its own cause alone
        return True if part.words in {"all", "it"} or "new ones" in part.words else checks.held_there(*BY_CALCOM)(part)
    if part.words in {"all", "it"}:  # of a queue that the headline names, or of all that is held
        named = any(words in part.seen.headline for words in ("still held", "The limit"))
        return True if named else checks.none_for_a_person(part)
    if part.words == "new ones are held, and":
        return part.lately.counted(lambda record: record.held_count(*BY_CALCOM), 0)
    return held(*BY_CALCOM)(part)


BY_THEMSELVES = (
    r"(?:held bookings|(goes:all|it|N|new ones are held, and)) goe?s? by (?:itself|themselves)(?: then)?(?:, in order)?"
    rf"(?:; (others:N) waits? for something else)?{CALL}\."
)
GOING: Mapping[str, Check] = MappingProxyType({**THERE, "goes": _goes, "others": held(*FOR_A_PERSON)})
