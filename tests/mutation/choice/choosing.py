"""Choose the breakages whose verdict may be another one than at the last whole run.

A breakage is chosen when its broken file has changed, or its test: the test's file, or a module of tests/ that the test
has by imports, conftests or plugins. The graph ends at tests/: by the product's imports nearly every test would be
chosen at each change, and what that leaves out is run at the end of each issue. Breakages that are new or different
in the list are chosen, and always those of README's promises: that break a file which the table says keeps one, or
whose test it names. All run where the machinery itself, a lock file or pytest's options have changed, and where there
is nothing to compare with. What tests/support has for every test (fleet, servers) is reached from every test.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutation.choice.graph import Graph
from tests.mutation.choice.last import KEPT, Listed, changed, git, is_before, kept, listed_at
from tests.mutation.choice.searches import SEARCHES, parts_of

LISTS, LISTED = "tests/mutation/breakages.py", "tests/mutation/breakage.py"
PROMISE = "keeps a promise of README"
_LINK = re.compile(r"\]\(([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Choice:
    """Say which breakages and searches run, each with its reason, out of how many."""

    breakages: Mapping[str, str]
    searches: Mapping[str, str]
    of: int
    since: str
    """What the tree was compared with; why that could not be done."""
    before: frozenset[str] = frozenset()
    """The tests that ran in copies in the last whole run."""

    def __str__(self) -> str:
        left, searches = self.of - len(self.breakages), len(SEARCHES) - len(self.searches)
        return (
            f"{len(self.breakages)} of {self.of} breakages and {len(self.searches)} of {len(SEARCHES)} searches chosen"
            f" ({self.since}); not run: {left} and {searches}"
        )


def choose(root: Path, now: Listed, since: str | None = None) -> Choice:
    """Choose for the tree below `root`, since a revision or the last whole run."""
    commit, why = _base(root, since)
    before = listed_at(root, commit) if commit else None
    if commit is None or before is None:
        return _all(now, why or f"the list at {commit} cannot be read")
    differ = changed(root, commit)
    tests = frozenset(one[3] for one in before.values())
    graph = Graph(root)
    if reason := _for_all(graph, commit, differ):
        return _all(now, reason, tests)
    return Choice(
        dict(_chosen(graph, now, before, differ)),
        dict(_searched(graph, differ)),
        len(now),
        f"changed since {commit[:8]}",
        tests,
    )


def promised(root: Path) -> dict[str, frozenset[str]]:
    """Return what README's table links for each promise: the files that keep it, and that prove it."""
    rows = [
        line.strip().strip("|").split(" | ")
        for line in (root / "README.md").read_text("utf-8").splitlines()
        if line.startswith("| ") and "](tests/promises/" in line
    ]
    return {promise.strip(): frozenset(_LINK.findall(kept_by + proven)) for promise, kept_by, proven, *_ in rows}


def _base(root: Path, since: str | None) -> tuple[str | None, str]:
    """Return the commit to compare with, or why there is none."""
    if since is not None:
        return git(root, "rev-parse", "--verify", f"{since}^{{commit}}").strip(), ""
    run = kept(root)
    if run is None:
        return None, f"there is no {KEPT}"
    if not is_before(root, run.commit):
        return None, f"this tree does not come from {run.commit[:8]}, the last whole run's"
    return run.commit, ""


def _all(now: Listed, reason: str, before: frozenset[str] = frozenset()) -> Choice:
    since = f"all: {reason}"
    return Choice(dict.fromkeys(now, since), dict.fromkeys(SEARCHES, since), len(now), since, before)


def _for_all(graph: Graph, commit: str, differ: Iterable[str]) -> str | None:
    """Say why all have to run, if so."""
    root = graph.root
    others = graph.reached([LISTS, *SEARCHES]) - {LISTED}  # lists and searches are compared by themselves
    for path in sorted(differ):
        of_lists = path in others or path == str(KEPT) or not (root / path).exists()
        if path.startswith("tests/mutation/") and not of_lists:
            return f"{path} changed, which is how breakages are run"
        if path.startswith("requirements/") and path.endswith(".lock"):
            return f"{path} changed"
    if "pyproject.toml" in differ and _options(git(root, "show", f"{commit}:pyproject.toml")) != _options(
        (root / "pyproject.toml").read_text("utf-8")
    ):
        return "pytest's options changed"
    return None


def _options(text: str) -> object:
    return tomllib.loads(text).get("tool", {}).get("pytest")


def _chosen(graph: Graph, now: Listed, before: Listed, differ: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield each breakage to run, with the first reason why."""
    met = frozenset[str]().union(*promised(graph.root).values())
    touched = _touched(graph, differ)
    parts = cache(graph.parts)
    for name, one in now.items():
        file, _, _, test = one
        path = test.partition("::")[0]
        if name not in before:
            yield name, "new"
        elif list(before[name]) != list(one):
            yield name, "different in the list"
        elif file in differ:
            yield name, f"{file} changed"
        elif path in differ:
            yield name, f"{path} changed"
        elif found := touched & (parts(path) | set(graph.conftests(path))):
            yield name, f"{min(found)} changed, of {path}"
        elif file in met or path in met:
            yield name, PROMISE


def _touched(graph: Graph, differ: frozenset[str]) -> frozenset[str]:
    """Return the modules of tests/ that changed, and those that name another file there that did."""
    data = [path for path in differ if path.startswith("tests/") and not path.endswith(".py") and path != str(KEPT)]
    return differ | frozenset(one for path in data for one in graph.naming(path))


def _searched(graph: Graph, differ: frozenset[str]) -> Iterator[tuple[str, str]]:
    touched = _touched(graph, differ)
    for path in SEARCHES:
        for one in sorted(touched):
            if one in parts_of(graph, path) or one.startswith(SEARCHES[path]):
                yield path, f"{one} changed"
                break
