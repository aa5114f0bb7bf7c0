"""Choose the breakages whose verdict may be another one than at the last whole run.

A breakage is chosen when its broken file has changed, or its test: a definition that the test is made of (graph.py),
in its file, its conftests, the plugins or tests/support. A change there chooses the tests that use it and no others:
most changes of tests/support are new helpers, which no breakage's test has yet. The graph ends at tests/: by the
product's imports nearly every test would be chosen at each change. What that leaves out, a guard that also stands on
another file, is caught by the whole run that ends each larger piece of work.

Breakages that are new or different in the list are chosen, and never fewer than those of the promises of README's
table: that break a file which it says keeps one, or whose test it names. All run where what gives the verdicts (RUNS),
a lock file or pytest's options have changed, and where there is nothing to compare with.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutation.choice.definitions import code
from tests.mutation.choice.graph import PLUGIN, Graph, Node
from tests.mutation.choice.last import KEPT, Listed, changed, commit_of, is_before, kept, listed_at
from tests.mutation.choice.searches import SEARCHES, searched

RUNS = (
    ("tests/mutation/breakage.py", "Breakage"),
    ("tests/mutation/trials/trial.py", "Workshop"),
    ("tests/mutation/__main__.py", "_unbroken"),
)
"""What gives breakages their verdicts, with all that it uses."""
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
    """Choose for the tree below `root`, since a revision or the last whole run.

    Raises:
        LookupError: there is no such revision.
    """
    commit, why = _base(root, since)
    before = listed_at(root, commit) if commit else None
    if commit is None or before is None:
        return _all(now, why or f"the list at {commit} cannot be read")
    differ = changed(root, commit)
    tests = frozenset(one[3] for one in before.values())
    graph = Graph(root, {path: text for path, text in differ.items() if path != str(KEPT)})
    if reason := _for_all(graph, differ):
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
        if (commit := commit_of(root, since)) is None:
            raise LookupError(f"no such revision: {since}")
        return commit, ""
    run = kept(root)
    if run is None:
        return None, f"there is no {KEPT}"
    if not is_before(root, run.commit):
        return None, f"this tree does not come from {run.commit[:8]}, the last whole run's"
    return run.commit, ""


def _all(now: Listed, reason: str, before: frozenset[str] = frozenset()) -> Choice:
    since = f"all: {reason}"
    return Choice(dict.fromkeys(now, since), dict.fromkeys(SEARCHES, since), len(now), since, before)


def _for_all(graph: Graph, differ: Mapping[str, str | None]) -> str | None:
    """Say why all have to run, if so."""
    for path in sorted(differ):
        if path.startswith("requirements/") and path.endswith(".lock"):
            return f"{path} changed"
    ours = (node for node in graph.reached(RUNS) if node[0].startswith("tests/mutation/"))
    if found := graph.changed.intersection(ours):
        return f"{_said(found)}, which is how breakages are run"
    now = (graph.root / "pyproject.toml").read_text("utf-8")
    if _options(differ.get("pyproject.toml", now) or "") != _options(now):
        return "pytest's options changed"
    return None


def _options(text: str) -> object:
    """Return pytest's options, without what only gives a name and the plugins of ours, which the graph knows."""
    options = tomllib.loads(text).get("tool", {}).get("pytest", {}).get("ini_options", {})
    options.pop("markers", None)
    return options | {"addopts": PLUGIN.sub("", options.get("addopts", "")).split()}


def _chosen(graph: Graph, now: Listed, before: Listed, differ: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Yield each breakage to run, with the first reason why."""
    met = frozenset[str]().union(*promised(graph.root).values())
    made_of = cache(graph.made_of)
    broken = differ.keys() & {file for file, *_ in now.values()}
    others = {path for path in broken if _does_other(graph.root, path, differ[path])}
    for name, one in now.items():
        file, _, _, test = one
        if name not in before:
            yield name, "new"
        elif list(before[name]) != list(one):
            yield name, "different in the list"
        elif file in others:
            yield name, f"{file} changed"
        elif found := graph.changed & made_of(test):
            yield name, _said(found)
        elif file in met or test.partition("::")[0] in met:
            yield name, PROMISE


def _does_other(root: Path, path: str, then: str | None) -> bool:
    """Return whether a file has changed in more than its comments and docstrings."""
    now = root / path
    return then is None or not now.is_file() or code(path, now.read_text("utf-8")) != code(path, then)


def _searched(graph: Graph, differ: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for path, folders in SEARCHES.items():
        product = searched(graph, path)
        if found := graph.changed & graph.made_of(path):
            yield path, _said(found)
        elif files := [one for one in sorted(differ) if one in product or one.startswith(folders)]:
            yield path, f"{files[0]} changed"


def _said(found: Iterable[Node]) -> str:
    """Name one of some changed definitions."""
    path, name = min(found)
    return f"{name or 'what is at the top'} of {path} changed"
