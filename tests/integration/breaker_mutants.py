"""Every condition in the breaker's Lua, negated: one at a time."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files

from resilience import scripts

_CONDITION = re.compile(r"^(\s*(?:else)?if )(.+)( then(?: --.*)?)$")
_CHOICE = re.compile(r"\b(\w+)( and \S+ or )")


@dataclass(frozen=True)
class Mutant:
    """One line of one file, changed."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line + 1} {self.text.strip()}"

    def reader(self) -> Callable[[str], str]:
        """Assemble scripts as the real ones are, but for the changed line."""

        def assemble(name: str) -> str:
            return "\n".join(self._read(part) for part in (*scripts.PARTS[name], name))

        return assemble

    def _read(self, name: str) -> str:
        lines = scripts.read(name).splitlines()
        if name == self.file:
            lines[self.line] = self.text
        return "\n".join(lines)


def mutants() -> Iterator[Mutant]:
    """Give each condition negated, each part of one joined by `and` or `or`, and each `x and a or b`."""
    for path in sorted((files("resilience") / "lua").iterdir(), key=str):
        name = path.name.removesuffix(".lua")
        for number, line in enumerate(scripts.read(name).splitlines()):
            if line.lstrip().startswith("--"):
                continue
            for text in _negations(line):
                yield Mutant(name, number, text)


def _negations(line: str) -> Iterator[str]:
    found = _CONDITION.match(line)
    if found:
        before, condition, after = found.groups()
        yield f"{before}not ({condition}){after}"
        parts = re.split(r"( and | or )", condition)
        if len(parts) > 1 and "(" not in condition.replace("rate_wait()", ""):
            for place in range(0, len(parts), 2):
                negated = [*parts[:place], f"not ({parts[place]})", *parts[place + 1 :]]
                yield f"{before}{''.join(negated)}{after}"
        elif len(parts) > 1:
            yield from (f"{before}{text}{after}" for text in _with_groups(condition))
    else:
        for choice in _CHOICE.finditer(line):
            yield f"{line[: choice.start()]}not {choice[0]}{line[choice.end() :]}"


def _with_groups(condition: str) -> Iterator[str]:
    """Negate the comparisons of a condition with brackets."""
    for comparison in re.finditer(r"[\w.]+(?:\[\d+\])? [=~<>]=? [\w.']+(?: \+ \w+| - \w+)?", condition):
        yield f"{condition[: comparison.start()]}not ({comparison[0]}){condition[comparison.end() :]}"
