"""Print the counterexamples of promise 2 into the README.md of this folder: `python -m tests.model`."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tests.model.life.life import Life
from tests.model.life.properties import twice
from tests.model.life.state import ENDS, LEASE, Rules
from tests.model.search import Found, search

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- printed by python -m tests.model -->\n", "<!-- end of what is printed -->\n"
# Nobody but the workers, the sweeper and Cal.com is needed to break it, so the operator stands aside.
ALONE = Rules(operator=False)
WINDOWS: Mapping[str, Rules] = MappingProxyType(
    {
        "A1 taken away: a worker may be frozen between its lease check and its first byte": ALONE._replace(a1=None),
        "A2 taken away: Cal.com may hide a booking": ALONE._replace(a2=None),
        "A3 taken away: Postgres's clock may step ahead": ALONE._replace(a3=False),
    }
)


@cache
def counterexample(rules: Rules) -> Found:
    """Search for a second booking."""
    return search(Life(rules), wrong=twice)


def printed() -> str:
    """Return the part of the folder's README.md that the search prints."""
    return "\n".join(_lines())


def page() -> str:
    """Return the folder's README.md as it must be."""
    before, rest = README.read_text("utf-8").split(BEGIN)
    return f"{before}{BEGIN}{printed()}{END}{rest.split(END)[1]}"


def _lines() -> Iterator[str]:
    for window, rules in WINDOWS.items():
        found = counterexample(rules)
        yield f"**{window}** (a lease is {LEASE} tick, absence counts after {ENDS})\n"
        yield "```"
        yield from (f"{number:2}  {line}" for number, line in enumerate(found.trace(), 1))
        yield f"    => {found.broken}"
        yield "```\n"
