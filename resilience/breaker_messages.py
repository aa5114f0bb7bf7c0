"""What is asked of a breaker's rules, in the order in which the scripts take it as ARGV.

The shared rules (`lua/`) and the ones in this process (`breaker_rules.py`) get the very same tuples.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from resilience.breaker_settings import Limits

Answer = list[Any]
"""A script's answer: numbers, words and lists of them; each script's header says which."""


class Frame(NamedTuple):
    """Who asks, and when: what every script takes first."""

    now: int
    """Milliseconds; 0: Redis TIME."""
    text: str
    """The settings as text, to notice clients with others."""
    limits: Limits
    endpoint: str
    key: str
    """Fingerprint of the API key."""


class Ask(NamedTuple):
    """May this call go?"""

    owner: str
    probe_ok: int
    item: str
    told: str
    """Late reports: "endpoint error calls sum_ms longest_ms;" once for each pair."""
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
    context: str
    told: str
    ceiling: int
    left: int


def flat(frame: Frame, own: Sequence[str | int]) -> tuple[str | int | float, ...]:
    """Give a script its ARGV."""
    return (frame.now, frame.text, *frame.limits, frame.endpoint, frame.key, *own)
