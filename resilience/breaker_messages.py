"""What is asked of a breaker's rules, in the order in which the scripts take it as ARGV.

The shared rules (`lua/`) and the ones in this process (`breaker_rules.py`) get the very same tuples.
"""

from typing import Any, NamedTuple
from zlib import crc32

from resilience.breaker_settings import Limits
from resilience.permit import CallOutcome

Answer = list[Any]
"""A script's answer: numbers, words and lists of them; each script's header says which."""
WITHOUT_ENDPOINT = "any"
"""Stands for the endpoint where a report names none."""
PRESENT, NONE = 0, -1
"""Epochs of a report without a permit: of what is now, or of nothing."""

Arguments = tuple[str | float, ...]


class Frame(NamedTuple):
    """Who asks, and when: what every script takes first."""

    now: int
    """Milliseconds; 0: Redis TIME."""
    calm: str
    """Names the entry that says that all is calm for these settings, this endpoint and this key."""
    gap: int
    depth: int
    reserve: int
    slack: float
    size: int
    """Milliseconds that one window of the counts lasts."""
    settings: str
    """All limits as text: the scripts read it, and notice clients with others."""
    endpoint: str
    key: str
    """Fingerprint of the API key."""


def frame(limits: Limits, endpoint: str, key: str, now: int = 0) -> Frame:
    """Build a frame out of a client's limits."""
    text = limits.text
    calm = f"calm/{endpoint}/{key}/{crc32(text.encode()):x}"
    return Frame(now, calm, limits.gap, limits.depth, limits.reserve, limits.slack, limits.size, text, endpoint, key)


class Ask(NamedTuple):
    """May this call go?"""

    owner: str
    probe_ok: int
    item: str
    told: str
    """Late reports: "endpoint error severity calls sum_ms longest_ms;" once for each."""
    ceiling: int
    """The last grant that the other side's count allows."""
    left: int
    """Milliseconds until that count begins anew; 0: nothing is known."""


class Report(NamedTuple):
    """What came of a call."""

    owner: str
    item: str
    service_epoch: int
    """As in the permit; 0: the present one, -1: none."""
    endpoint_epoch: int
    outcome: str
    reason: str
    retry_after: int
    stretch: float
    """By how much longer OPEN is, at random; 1: not."""
    context: str
    told: str
    ceiling: int
    left: int


def counted(told: str, ceiling: int = 0, left: int = 0, *, context: str = "") -> Report:
    """Build a report that is only counted: it changes no state."""
    return Report("", "", NONE, NONE, CallOutcome.IGNORED.value, "none", 0, 1, context, told, ceiling, left)
