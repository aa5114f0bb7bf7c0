"""The rule by which requests are kept: where, by whom they are sent, and their places in the line."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class LineRule(NamedTuple):
    """The parameters of places in the line, in seconds (the rule is in sql/insert.sql).

    `lead` is how long before its start a booking expires; `call` how long one call takes of the rate limit.
    """

    lead: float = 0.0
    call: float = 0.5


class KeepRule(NamedTuple):
    """Say how requests are kept.

    `schema` is where the tables are (None: by the search path). `published`: the caller sends the messages itself,
    right after its commit. `behind_others`: they are held at once while others wait for the breaker or the limit.
    """

    schema: str | None = None
    published: bool = True
    behind_others: bool = False
    line: LineRule = LineRule()

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Return the rule as the INSERT's parameters."""
        line = {"lead_seconds": self.line.lead, "call_seconds": self.line.call}
        return {"behind_others": self.behind_others, "published": self.published, **line}
