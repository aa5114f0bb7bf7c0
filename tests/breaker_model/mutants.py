"""The breaker's Lua with one thing changed: a condition negated, a comparison moved by one, another number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from resilience import scripts

_PART = re.compile(
    r"(?:not )?[\w.:#\[\]]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?(?: (?:[=~<>]=|[<>]) [\w.'\-]+(?: [+-] \w+)?)?"
)
_CHOICE = re.compile(r"(?<![\w.'])([\w.]+(?: [=~<>]=? [\w']+)?|\(.+\))( and \S.* or )")
_COMPARISON = re.compile(r" (<=|>=|<|>) ")
_OTHER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_NUMBER = re.compile(r"(?<![\w.'%\[])(?<!or )(?<!\) \+ )(\d+)(?![\w.'\]])")
"""Neither one that stands for what is not there (no moment and no epoch is 1, either), nor the 0 of `(text) + 0`."""


EQUIVALENT: dict[str, str] = {}
"""Changes that no walk can notice, and why."""


@dataclass(frozen=True)
class Mutant:
    """One line of one file, changed."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text.strip()}"

    def assemble(self, name: str) -> str:
        """Assemble a script as the real ones are, but for the changed line."""
        text = "\n".join(self._read(part) for part in (*scripts.FRAGMENTS[name], name))
        return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))

    def _read(self, name: str) -> str:
        lines = scripts.read(name).splitlines()
        if name == self.file:
            lines[self.line] = self.text
        return "\n".join(lines)


def mutants(file: str) -> Iterator[Mutant]:
    """Give the mutants of one file, each once."""
    seen: set[tuple[int, str]] = set()
    for number, line in enumerate(scripts.read(file).splitlines()):
        if line.lstrip().startswith("--"):
            continue
        for text in _changes(line):
            if text != line and (number, text) not in seen:
                seen.add((number, text))
                yield Mutant(file, number, text)


def sources() -> list[str]:
    """Name the Lua files."""
    return sorted(path.name.removesuffix(".lua") for path in (files("resilience") / "lua").iterdir())


def _changes(line: str) -> Iterator[str]:
    code, dashes, comment = line.partition(" --")
    for change in (*_negations(code), *_comparisons(code), *_numbers(code)):
        yield change + dashes + comment


def _negations(code: str) -> Iterator[str]:
    """Negate a condition, each part of one, and the condition of `x and a or b`."""
    begin = re.match(r"\s*(?:else)?if |\s*return (?=.* (?:==|and|or) )|\s*and ", code)
    if begin and ("then" in code or begin[0].strip() == "and"):
        body = code[begin.end() :].removesuffix(" then")
        after = code[begin.end() + len(body) :]
        yield f"{begin[0]}not ({body}){after}"
        for part in _PART.finditer(body):
            if part[0] not in ("and", "or", "not"):
                yield f"{begin[0]}{body[: part.start()]}not ({part[0]}){body[part.end() :]}{after}"
    for choice in _CHOICE.finditer(code):
        yield f"{code[: choice.start()]}not ({choice[1]}){code[choice.end(1) :]}"


def _comparisons(code: str) -> Iterator[str]:
    """Move each comparison by one."""
    for found in _COMPARISON.finditer(code):
        yield f"{code[: found.start()]} {_OTHER[found[1]]} {code[found.end() :]}"


def _numbers(code: str) -> Iterator[str]:
    """Add one to each number that stands alone, but for the places of what is unpacked."""
    for found in _NUMBER.finditer("" if "unpack(" in code else code):
        yield f"{code[: found.start()]}{int(found[1]) + 1}{code[found.end() :]}"
