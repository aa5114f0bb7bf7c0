"""What has changed since the last whole run chooses which breakages run: by broken file, by test, by its parts."""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutation.breakages import BREAKAGES, Breakage
from tests.mutation.choice.choosing import Choice, choose, promised
from tests.mutation.choice.last import KEPT, clean_commit, git, keep, kept, listed, listing
from tests.mutation.choice.searches import SEARCHES

ROOT = Path(__file__).parents[3]
LUA, CHANGES, EVIDENCE, GUARDS = SEARCHES
LIST = """
from tests.mutation.breakage import Breakage

BREAKAGES = (
    Breakage("one", "product/one.py", "1", "2", promise=1, test="tests/unit/test_one.py::test_it"),
    Breakage("two", "product/two.sql", "1", "2", promise=1, test="tests/integration/test_two.py::test_it"),
    Breakage("kept", "product/kept.py", "1", "2", promise=1, test="tests/integration/test_kept.py::test_it"),
)
"""
MACHINERY = """
from tests.mutation.breakage import Breakage
from tests.mutation.trials import place

def _run(one: Breakage):
    place.run()

def show():
    return 1
"""
SMALL = {
    "README.md": "| Accepted | [it](product/kept.py) | [proven](tests/promises/test_none.py) | |\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q -p tests.plugin"\n',
    "requirements/dev.lock": "",
    "product/one.py": "1",
    "product/two.sql": "1",
    "product/kept.py": "1",
    "product/other.py": "1",
    "resilience/lua/lib/trip.lua": "",
    "tasks/moves.py": "",
    "tests/conftest.py": "import pytest\nfrom tests.support.servers import start\n\n"
    "@pytest.fixture(autouse=True)\ndef served():\n    start()\n",
    "tests/plugin.py": "",
    "tests/support/servers.py": "def start():\n    return 1\n",
    "tests/support/near.py": "from tests.support.others import far, more\n",
    "tests/support/others.py": "def far():\n    return 1\n\ndef more():\n    return 1\n",
    "tests/support/program.py": "",
    "tests/fixtures/answers.json": "{}",
    "tests/unit/conftest.py": "",
    "tests/unit/test_one.py": "from tests.support import near\n\ndef test_it():\n    near.far()\n",
    "tests/integration/test_two.py": 'def test_it():\n    run("tests.support.program", "answers.json")\n',
    "tests/integration/test_kept.py": "def test_it():\n    assert 1 + 1 == 2\n",
    "tests/model/product.py": "from tasks import moves\n\ndef walk():\n    moves.move()\n",
    "tests/mutation/breakage.py": (ROOT / "tests" / "mutation" / "breakage.py").read_text("utf-8"),
    "tests/mutation/breakages.py": "from tests.mutation.lists.first import BREAKAGES\n",
    "tests/mutation/lists/first.py": LIST,
    "tests/mutation/__main__.py": MACHINERY,
    "tests/mutation/trials/place.py": "def run():\n    return 'forks.py'\n",
    "tests/mutation/trials/forks.py": "",
    LUA: "",
    CHANGES: "from tests.model import product\n\ndef test_it():\n    product.walk()\n",
    EVIDENCE: "",
    GUARDS: "",
}
Changed = Callable[[dict[str, str | None]], Choice]


def commit(root: Path) -> str:
    """Commit all that is in a tree, and return the commit."""
    git(root, "add", "--all")
    ours = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    git(root, *ours, "commit", "--quiet", "--message=all")
    return git(root, "rev-parse", "HEAD").strip()


def write(root: Path, files: dict[str, str | None]) -> None:
    """Write these files below a root; None: it is there no more."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, "utf-8")


def chosen(root: Path) -> Choice:
    """Choose for a tree by its own list."""
    now = listed(root)
    assert now is not None
    return choose(root, now)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Make a small tree whose last whole run is of its first commit, and kept in its second."""
    root = tmp_path / "small"
    write(root, dict(SMALL))
    git(root, "init", "--quiet")
    first = commit(root)
    keep(root, first, [breakage("product/one.py")], dict.fromkeys(SEARCHES, 1))
    commit(root)
    return root


def breakage(file: str) -> Breakage:
    """Break a file of the small tree."""
    return Breakage("one", file, "1", "2", promise=1, test="tests/unit/test_one.py::test_it")


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({}, {"kept"}),
        ({"product/other.py": "2"}, {"kept"}),
        ({"product/one.py": "1 + 0"}, {"kept", "one"}),
        ({"product/two.sql": "1 "}, {"kept", "two"}),
        ({"tests/unit/test_one.py": "def test_it():\n    assert 1 + 1 == 2\n"}, {"kept", "one"}),
        ({"tests/unit/test_one.py": SMALL["tests/unit/test_one.py"] + "\ndef test_more():\n    near()\n"}, {"kept"}),
        ({"tests/support/others.py": SMALL["tests/support/others.py"].replace("1", "2", 1)}, {"kept", "one"}),
        ({"tests/support/others.py": "def far():\n    return 1\n\ndef more():\n    return 2\n"}, {"kept"}),
        ({"tests/support/program.py": "PROGRAM = 1\n"}, {"kept", "two"}),
        ({"tests/fixtures/answers.json": "[]"}, {"kept", "two"}),
        ({"tests/unit/conftest.py": "print(1)\n"}, {"kept", "one"}),
        ({"tests/integration/conftest.py": "print(1)\n"}, {"kept", "two"}),
        ({"tests/mutation/__main__.py": MACHINERY + "    return 2\n"}, {"kept"}),
        ({"tests/mutation/trials/new.py": "NEW = 1\n"}, {"kept"}),
        ({"pyproject.toml": SMALL["pyproject.toml"] + 'markers = ["long: takes long"]\n'}, {"kept"}),
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
    assert f"not run: {3 - len(names)} and 4" in str(uncommitted)


@pytest.mark.parametrize(
    "files",
    [
        {"requirements/dev.lock": "celery==6\n"},
        {"tests/mutation/__main__.py": MACHINERY.replace("run()", "run(one)")},
        {"tests/mutation/breakage.py": SMALL["tests/mutation/breakage.py"].replace("write_text", "write_texts")},
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


@pytest.mark.parametrize(
    ("files", "searches"),
    [
        ({"product/one.py": "1 + 0"}, set()),
        ({"resilience/lua/lib/trip.lua": "--"}, {LUA}),
        ({"tests/model/product.py": "from tasks import moves\n\ndef walk():\n    moves.claim()\n"}, {CHANGES}),
        ({"tasks/moves.py": "MOVES = 1\n"}, {CHANGES}),
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
