"""How a text of the page becomes claims: a pattern, and for each of its named groups a check against the world."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from tests.truth.page import Moment, Told
from tests.truth.past import Past
from tests.truth.world import World

NUMBER = r"[\d,]+\+?"
_TOKENS = {"N": NUMBER, "M": "@"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One text of the page, and the world when it was read."""

    told: Told
    at: datetime
    """When the page was read, or the moment of which a hatched part is."""
    world: World
    page: tuple[Told, ...] = ()
    """All that the page said."""

    @property
    def headline(self) -> str:
        """Return the page's first sentence."""
        return next((one.text for one in self.page if one.region == "sentence"), "")

    @property
    def lately(self) -> Past:
        """Return what may be shown at that moment."""
        return self.world.lately(self.at)


@dataclass(frozen=True, slots=True)
class Part:
    """What one group of a pattern says: its words, and the moments in it."""

    words: str
    moments: tuple[Moment, ...]
    seen: Seen

    @property
    def number(self) -> int:
        """Return the words as a number."""
        return int(self.words.replace(",", "").rstrip("+"))

    @property
    def at_least(self) -> bool:
        """Return whether the number stands for itself and more."""
        return self.words.endswith("+")

    @property
    def at(self) -> datetime:
        """Return the one moment."""
        return self.moments[0].at

    @property
    def lately(self) -> Past:
        """Return what may be shown."""
        return self.seen.lately


Check = Callable[[Part], bool | None]
"""Whether it is true; None: nobody can tell."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A claim about a moment to come, judged when it is over."""

    seen: Seen
    name: str
    at: datetime
    over: Callable[[Past], datetime | None]
    """When it came to pass; None: it did not."""

    def is_true(self) -> bool | None:
        """Return whether it came to pass within 30 % of the time that it gave; None: nobody can tell yet."""
        after = self.seen.world.after(self.seen.at)
        if self.seen.world.disturbed(self.seen.at, self.at + 0.3 * (self.at - self.seen.at)):
            return None
        ended, off = self.over(after), max(0.3 * (self.at - self.seen.at), timedelta(seconds=5))
        if ended is None and after.snapshots and after.snapshots[-1].at < self.at + off:
            return None
        return ended is not None and abs(ended - self.at) <= off


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim that was compared with the world."""

    seen: Seen
    name: str
    words: str
    true: bool


@dataclass(frozen=True)
class Pattern:
    """A text that the page can show in some regions; N is a number and M a moment in `text`, ( )? an option."""

    regions: tuple[str, ...]
    text: str
    checks: Mapping[str, Check]
    holds: Callable[[Seen], bool | None] | None = None
    """Whether the sentence as a whole is true; None: it claims nothing but what its groups do."""

    def claims(self, seen: Seen) -> Iterator[Claim] | None:
        """Return the claims of a text; None: the text is another."""
        if seen.told.region not in self.regions or not (found := _match(self.text, seen.told.text)):
            return None
        return self._claims(seen, found)

    def _claims(self, seen: Seen, found: re.Match[str]) -> Iterator[Claim]:
        if self.holds is not None and (is_true := self.holds(seen)) is not None:
            yield Claim(seen, "sentence", seen.told.text, is_true)
        for name, words in found.groupdict().items():
            if words is None:
                continue
            begin, end = (seen.told.text.count("@", 0, at) for at in found.span(name))
            part = Part(words, seen.told.moments[begin:end], seen)
            if (true := self.checks[name.rstrip("_")](part)) is not None:
                yield Claim(seen, name, words, true)


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return _compiled(pattern).fullmatch(text)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(f"(?:Also: )?(?:{_expand(pattern)})")


def _expand(text: str) -> str:
    """Write N and M as what they stand for; `(name:pattern)` is a named group."""
    named = re.sub(r"\((\w+):", r"(?P<\1>", text)
    return re.sub(r"\b[NM]\b", lambda one: _TOKENS[one[0]], named)


def read(patterns: Sequence[Pattern], seen: Seen) -> list[Claim] | None:
    """Return the claims of a text by the first pattern that it fits; None: no pattern does."""
    for one in patterns:
        found = one.claims(seen)
        if found is not None:
            return list(found)
    return None


def near(one: datetime | None, other: datetime, off: float = 1.5) -> bool:
    """Return whether two moments are the same, `off` seconds more or less."""
    return one is not None and abs(one - other) <= timedelta(seconds=off)
