"""The house keeps its own rules: documents name what exists, files stay short, nothing of one machine is told."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IGNORED = [line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
# Each is written so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.$}])/(root|work|Users|home|tmp)/[\w.]",
    "a package index": r"py[p]i\.org|python[h]osted|://[^\s]*/[s]imple\b|index[-_]url[= ]+\S*[:]//",
    "a live key of Cal.com": r"cal_[l]ive_[0-9a-f]{32}",
}
NOT_THERE = (
    "DEBIAN_POSTGRES=",
    "DEBIAN_REDIS=",
    "DEBIAN_SENTINEL=",
    "DEBIAN_RABBITMQ=",
    "DEBIAN_PGBOUNCER=",
    "DEBIAN_CHROMIUM=",
    "DEBIAN_PROMTOOL=",
    "DEBIAN_PHP=",
    "DEBIAN_NODE=",
)  # as on a bare machine


def files(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the repository's files, with or without git on the machine."""
    for path in sorted(folder.iterdir()):
        if path.name == ".git" or any(fnmatch(path.name, pattern) for pattern in IGNORED):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def make(*arguments: str) -> str:
    """Return what make prints."""
    return subprocess.check_output(["make", "--no-print-directory", "-C", str(ROOT), *arguments], text=True)  # noqa: S607


def targets() -> set[str]:
    """Return the targets that `make help` lists."""
    return set(re.findall(r"^  ([a-z-]+) +\S", make("help"), re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    """What can be done here is found by typing make."""
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)

    assert targets() == set(" ".join(phony).split())
    assert make() == make("help")


def test_a_group_of_tests_that_is_left_out_says_what_it_needs() -> None:
    """`make test` names each marked group and its package, `make test-all` asks for it, and CI installs it."""
    groups = re.findall(r'"(debian_\w+): .*apt-get install ([\w -]+)\)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    left_out, asked, installed = (
        make("-n", "test"),
        make("-n", "test-all", *NOT_THERE),
        (ROOT / ".ci" / "run").read_text(),
    )

    assert len(groups) >= 5
    assert re.search(r"Left out: .*\blong\b", left_out)
    for group, packages in groups:
        assert re.search(rf"-m 'not \(.*\b{group}\b.*\)'", left_out)
        for package in packages.split():
            assert re.search(rf"Left out: .*\b{group}\b.*apt-get install .*\b{package}\b", left_out)
            assert re.search(rf"apt-get install .*\b{package}\b.*'; exit 1", asked)
            assert re.search(rf"servers='.*\b{package}\b.*'", installed)


def test_documents_name_targets_that_exist() -> None:
    """Each `make something` of a document can be typed."""
    named = {
        (path.name, target)
        for path in files()
        if path.suffix == ".md"
        for target in re.findall(r"(?:`|^ *\$? *)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)
    }

    assert named
    assert {(name, target) for name, target in named if target not in targets()} == set()


def test_documents_that_are_named_exist() -> None:
    """Each document that a comment or another document points to is there."""
    named = {
        (document, str(path.relative_to(ROOT)))
        for path in files()
        for document in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text("utf-8", errors="replace"))
    }

    assert {(document, by) for document, by in named if not (ROOT / document).is_file()} == set()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_tells_of(what: str) -> None:
    """Nothing in the repository belongs to one machine, one index or one account."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if re.search(FORBIDDEN[what], line)
    ]

    assert found == []


def test_files_stay_short() -> None:
    """A file holds one idea: 300 lines of Python, 60 of a script, 180 of a library of scripts. Tests may be long."""

    def most(path: Path) -> int:
        if path.suffix == ".lua":
            return 180 if path.parent.name == "lib" else 60
        return 300

    code = [path for path in files() if path.suffix in {".py", ".lua"} and path.relative_to(ROOT).parts[0] != "tests"]
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in code}

    assert {str(path): length for path, length in lengths.items() if length > most(path)} == {}


def test_functions_stay_short() -> None:
    """A function fits on a screen: 60 lines at most."""
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in files()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]

    assert long == []


def test_decision_records_are_numbered_in_order() -> None:
    """The number in a record's name and heading is its place."""
    numbers = [int(path.name[:4]) for path in DECISIONS]
    headings = [path.read_text("utf-8").splitlines()[0] for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))
    assert [f"# {number}. " for number in numbers] == [
        heading[: len(f"# {n}. ")] for n, heading in enumerate(headings, 1)
    ]


@pytest.mark.parametrize("record", DECISIONS, ids=lambda path: path.name[:4])
def test_every_decision_record_says_how_it_stands(record: Path) -> None:
    """A reader sees at once whether a record holds, and has the template's three parts."""
    text = record.read_text("utf-8")
    status = re.search(r"^Status: (?:proposed|accepted|replaced by (\d+)) \(\d{4}-\d\d-\d\d\)$", text, re.MULTILINE)

    assert status
    assert status[1] is None or int(status[1]) <= len(DECISIONS)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["The question", "The decision", "What follows"]


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    """Who changes something has a place to say so."""
    sections = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert sections[0] == "Unreleased"


def test_the_changelog_has_the_version_of_the_product_with_its_day() -> None:
    """Below what is unreleased stands the release that pyproject.toml names."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    sections = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", sections[1])
