"""What has changed since the last whole run chooses which breakages run: by broken file, by test, by its parts."""

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.breakages import BREAKAGES, Breakage
from tests.mutation.choice.choosing import RUNS, choose, promised
from tests.mutation.choice.definitions import Module
from tests.mutation.choice.graph import Graph
from tests.mutation.choice.last import KEPT, clean_commit, git, keep, kept, listed, listing
from tests.mutation.choice.searches import SEARCHES
from tests.unit.choosing.small_tree import (
    CHANGES,
    EVIDENCE,
    LIST,
    LUA,
    MACHINERY,
    ROOT,
    SMALL,
    WORKSHOP,
    breakage,
    chosen,
    commit,
    small_tree,
    write,
)

PROVEN = "| Kept | [it](product/none.py) | [here](tests/promises/) and [there](tests/integration/test_two.py) | |\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Make a small tree."""
    return small_tree(tmp_path / "small")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, {"kept"}),
        ({"product/other.py": "2"}, {"kept"}),
        ({"product/one.py": "1 + 0"}, {"kept", "one"}),
        ({"product/one.py": '"""One."""\n# it is\n1'}, {"kept"}),
        ({"product/one.py": None}, {"kept", "one"}),
        ({"product/one.py": None, "product/moved.py": SMALL["product/one.py"]}, {"kept", "one"}),
        ({"product/two.sql": "-- It is two.\n1"}, {"kept"}),
        ({"product/two.sql": "--[ it is two\n1"}, {"kept", "two"}),
        ({"product/two.sql": "1 "}, {"kept", "two"}),
        ({"tests/unit/test_one.py": "def test_it():\n    assert 1 + 1 == 2\n"}, {"kept", "one"}),
        ({"tests/unit/test_one.py": SMALL["tests/unit/test_one.py"] + "\ndef test_more():\n    near()\n"}, {"kept"}),
        ({"tests/support/others.py": SMALL["tests/support/others.py"].replace("1", "2", 1)}, {"kept", "one"}),
        ({"tests/support/others.py": "def far():\n    return 1\n\ndef more():\n    return 2\n"}, {"kept"}),
        ({"tests/support/program.py": "PROGRAM = 1\n"}, {"kept", "two"}),
        ({"tests/fixtures/answers.json": "[]"}, {"kept", "two"}),
        ({"tests/unit/conftest.py": "print(1)\n"}, {"kept", "one"}),
        ({"tests/integration/conftest.py": "print(1)\n"}, {"kept", "two"}),
        ({"tests/mutation/__main__.py": MACHINERY.replace("return 1", "return 2")}, {"kept"}),
        ({"tests/mutation/lists/first.py": LIST.replace("product/one.py", "product/other.py")}, {"kept", "one"}),
        ({"tests/mutation/trials/new.py": "NEW = 1\n"}, {"kept"}),
        ({"pyproject.toml": SMALL["pyproject.toml"] + 'markers = ["long: takes long"]\n'}, {"kept"}),
        ({"pyproject.toml": SMALL["pyproject.toml"].replace("-q", "-q -p tests.support.program")}, {"kept"}),
        ({"README.md": SMALL["README.md"] + PROVEN}, {"kept", "two"}),
        ({"tests/mutation/lists/first.py": LIST.replace('two.sql", "1", "2"', 'two.sql", "1", "3"')}, {"kept", "two"}),
        ({"tests/mutation/lists/first.py": LIST.replace('"one"', '"first"')}, {"kept", "first"}),
    ],
)
def test_a_breakage_is_chosen_when_its_file_its_test_or_a_part_of_it_has_changed(
    small: Path, files: dict[str, str | None], names: set[str]
) -> None:
    """Committed or not; those of README's promises always."""
    write(small, files)
    uncommitted = chosen(small)
    if files:
        commit(small)

    assert set(uncommitted.breakages) == names
    assert chosen(small).breakages == uncommitted.breakages
    assert f"{len(names)} of 3 breakages" in str(uncommitted)
    assert f"not run: {3 - len(names)} and {len(SEARCHES)}" in str(uncommitted)


@pytest.mark.parametrize(
    "files",
    [
        {"requirements/dev.lock": "celery==6\n"},
        {"tests/mutation/__main__.py": MACHINERY.replace("run()\n\n", "run() or {}\n\n")},
        {"tests/mutation/trials/trial.py": WORKSHOP.replace("place.run()", "return place.run()")},
        {"tests/mutation/breakage.py": SMALL["tests/mutation/breakage.py"].replace("write_text", "write_texts")},
        {"tests/mutation/trials/trial.py": WORKSHOP + "\nprint(1)\n"},
        {"tests/mutation/trials/place.py": "def run():\n    return 1\n"},
        {"tests/mutation/trials/forks.py": "FORKS = 1\n"},
        {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q -x -p tests.plugin"\n'},
        {"pyproject.toml": SMALL["pyproject.toml"] + 'filterwarnings = ["error"]\n'},
        {"tests/conftest.py": "print(1)\n"},
        {"tests/plugin.py": "def pytest_configure():\n    return 1\n"},
        {"tests/support/servers.py": "def start():\n    return 2\n"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_all_run_when_what_each_of_them_needs_has_changed(small: Path, files: dict[str, str | None]) -> None:
    """The machinery, a lock, pytest's options, and what each test has by its conftest and plugins."""
    write(small, files)
    choice = chosen(small)

    assert set(choice.breakages) == {"one", "two", "kept"}
    assert "not run: 0 and 0" in str(choice)


def test_what_gives_verdicts_is_in_this_tree() -> None:
    """By the names that the choice has, down to the process that runs a test."""
    reached = Graph(ROOT, {}).reached(RUNS)
    found = {path for path, _ in reached}

    assert all(name in Module((ROOT / path).read_text("utf-8")).names for path, name in RUNS)
    assert {f"tests/mutation/trials/{name}.py" for name in ("forks", "passed", "place", "trial")} < found
    assert ("tests/mutation/breakage.py", "Removal") in reached
    assert ("tests/tree.py", "identity") in reached


def test_all_run_where_there_is_no_last_whole_run(small: Path) -> None:
    """None is kept; the tree does not come from it; a shallow clone has not got it."""
    git(small, "clone", "--quiet", "--depth=1", f"file://{small}", f"{small}-shallow")
    first = git(small, "rev-parse", "HEAD").strip()
    write(small, {str(KEPT): None})
    none = chosen(small)
    git(small, "checkout", "--quiet", "--orphan", "another")
    keep(small, first, [], {})
    commit(small)

    for choice in (none, chosen(small), chosen(Path(f"{small}-shallow"))):
        assert set(choice.breakages) == {"one", "two", "kept"}
        assert set(choice.searches) == set(SEARCHES)
        assert choice.since.startswith("all: ")
        assert choice.before == frozenset()


def test_all_run_where_the_list_of_before_cannot_be_read(small: Path) -> None:
    """One that is no Python, or of another form."""
    write(small, {"tests/mutation/lists/first.py": "BREAKAGES = 1\n"})
    before = commit(small)
    write(small, {"tests/mutation/lists/first.py": LIST})
    choice = choose(small, listed(small) or {}, before)

    assert set(choice.breakages) == {"one", "two", "kept"}
    assert choice.since == f"all: the list at {before} cannot be read"


@pytest.mark.parametrize(
    ("files", "searches"),
    [
        ({"product/one.py": "1 + 0"}, set()),
        ({"resilience/lua/lib/trip.lua": "--"}, {LUA}),
        ({"tests/model/product.py": "from tasks.work import moves\n\ndef walk():\n    moves.claim()\n"}, {CHANGES}),
        ({"tasks/work/moves.py": "MOVES = 1\n"}, {CHANGES}),
        ({EVIDENCE: "NEW = 1\n"}, {EVIDENCE}),
    ],
)
def test_a_search_is_chosen_when_it_or_what_it_searches_has_changed(
    small: Path, files: dict[str, str | None], searches: set[str]
) -> None:
    """By the same graph, and the modules of the product that it imports."""
    write(small, files)

    assert set(chosen(small).searches) == searches


def test_a_whole_run_is_kept_for_a_tree_that_is_a_commit(small: Path) -> None:
    """With its commit, and its breakages by package; a tree with something new is no commit."""
    of = clean_commit(small)
    assert of == git(small, "rev-parse", "HEAD").strip()
    keep(small, of, [breakage("client/booking_client/a.py"), breakage("db/a.py"), breakage("db/b.sql")], {LUA: 20})
    run = kept(small)

    assert run is not None
    assert (run.commit, run.caught, run.searches) == (of, 3, {LUA: 20})
    assert run.breakages == {"booking_client": 1, "db": 2}
    assert clean_commit(small) is None


def test_each_promise_of_readme_has_breakages_that_always_run() -> None:
    """Seven promises, by the files that keep or prove them."""
    links = promised(ROOT)
    always = [one for one in BREAKAGES for some in links.values() if some & {one.file, one.test.partition("::")[0]}]

    assert len(links) == 7
    assert all(
        any(one.file in some or one.test.partition("::")[0] in some for one in always) for some in links.values()
    )
    assert len(always) > 50


def test_ten_guards_that_are_weakened_together_with_their_tests_are_chosen(tmp_path: Path) -> None:
    """Of this tree, drawn over statements, scripts, Python and the page: each for its own file and its own test's."""
    root = tmp_path / "tree"
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".git", *ignored), symlinks=True)
    git(root, "init", "--quiet")
    keep(root, commit(root), BREAKAGES, {})
    weakened = drawn(leaving_out=frozenset.union(*promised(ROOT).values()))
    for one in weakened:
        one.apply(root)
        path, name, *_ = one.test.partition("[")[0].split("::")
        with (root / path).open("a", encoding="utf-8") as test:
            test.write(f"\n\ndef {name}() -> None:\n    assert 1 + 1 == 2\n")
    commit(root)
    choice = choose(root, listing(BREAKAGES))

    assert [choice.breakages.get(one.name) for one in weakened] == [f"{one.file} changed" for one in weakened]
    git(root, "checkout", "--quiet", "HEAD~", "--", *(one.file for one in weakened))
    choice = choose(root, listing(BREAKAGES))
    paths = [one.test.partition("::")[0] for one in weakened]
    names = [re.split(r"\[|::", one.test)[1] for one in weakened]
    said = [f"{name} of {path} changed" for name, path in zip(names, paths, strict=True)]
    assert [choice.breakages.get(one.name) for one in weakened] == said


def test_a_revision_that_is_not_here_is_said_in_one_line() -> None:
    """Nothing is run then."""
    argv = [sys.executable, "-m", "tests.mutation", "--since", "no-such-revision"]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "no such revision: no-such-revision\n")


def drawn(leaving_out: frozenset[str]) -> list[Breakage]:
    """Draw ten breakages of four kinds, no two of one file or one test's file."""
    chance, found = random.Random(36), list[Breakage]()  # noqa: S311 - the same ten each time
    for kind, count in ((r"\.sql$", 3), (r"\.lua$", 2), (r"^worker/page/", 2), (r"^(tasks|db|client)/.*\.py$", 3)):
        some = [one for one in BREAKAGES if re.search(kind, one.file)]
        for one in chance.sample(some, len(some)):
            places = {place for other in found for place in (other.file, other.test.partition("::")[0])}
            if count and (places | leaving_out).isdisjoint((one.file, one.test.partition("::")[0])):
                found.append(one)
                count -= 1  # noqa: PLW2901
    assert len(found) == 10
    return found
