"""The house is laid out so that a newcomer finds the room: folders by subject, one name for one thing."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db", "client/booking_client")
PRODUCT = (*PACKAGES, "simulator")
MOST_MODULES = 16
MOST_ARROWS = 120  # between the rooms of `tasks`: a reader still sees who knows whom
ALEMBIC = "db/migrations"  # its layout is Alembic's


def modules(*folders: str) -> list[str]:
    """Return the Python modules below some folders; a package's own `__init__` and pytest's `conftest` are none."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [str(path.relative_to(ROOT)) for path in found if path.name not in {"__init__.py", "conftest.py"}]


def crowded(paths: Iterable[str]) -> dict[str, int]:
    """Return the folders with more modules side by side than a reader takes in, and how many they are."""
    side_by_side = Counter(str(Path(path).parent) for path in paths)
    return {folder: count for folder, count in side_by_side.items() if count > MOST_MODULES}


def lonely(paths: Iterable[str]) -> set[str]:
    """Return the folders that hold one module and nothing else: a module has been given a folder for a name."""
    held: dict[str, set[str]] = {}
    for path in map(Path, paths):
        for inner, outer in zip([path, *path.parents], path.parents, strict=False):
            held.setdefault(str(outer), set()).add(inner.name)
    return {folder for folder, inside in held.items() if folder != "." and len(inside) == 1}


def drawers(source: str) -> Iterator[str]:
    """Yield what a module takes of another that the other keeps to itself: `from a import _b`, or `a._b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in {
                Path(name).name for name in PRODUCT
            }:
                taken = [alias.name for alias in node.names]
                names.update(alias.asname or alias.name for alias in node.names)
                yield from (f"{module}.{name}" for name in taken if re.match(r"_[a-z]", name, re.IGNORECASE))
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in names:
                if re.match(r"_[a-z]", name, re.IGNORECASE):
                    yield f"{owner}.{name}"


def shared_names(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the class names that stand for several things, and where; `_Row` and `Row2` are names of `Row`."""
    places: dict[str, list[str]] = {}
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name.lstrip("_").rstrip("0123456789"), []).append(path)
    return {name: where for name, where in places.items() if len(where) > 1}


def arrows(sources: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return which rooms of `tasks` import which: a room is a folder in it, or a module."""
    found = set()
    for path, source in sources.items():
        room = path.removeprefix("tasks/").removesuffix(".py").partition("/")[0]
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.ImportFrom(module="tasks"):
                    found |= {(room, alias.name) for alias in node.names}
                case ast.ImportFrom(module=str(module)) if module.startswith("tasks."):
                    found.add((room, module.split(".")[1]))
    return {(room, other) for room, other in found if room != other}


def test_the_rooms_of_tasks_know_few_others() -> None:
    """Each new room is bound by a few arrows; else its code belongs into one that stands."""
    found = arrows({path: (ROOT / path).read_text("utf-8") for path in modules("tasks")})

    assert 60 < len(found) <= MOST_ARROWS


def test_an_arrow_is_counted_once() -> None:
    """However many of a room's modules import another room, and however they do it."""
    lines = "from tasks import dependencies\nfrom tasks.dependencies import Timings\nfrom tasks.work.moves import Move"

    assert arrows({"tasks/work/claim.py": lines, "tasks/work/moves.py": lines}) == {("work", "dependencies")}


def test_no_folder_is_crowded() -> None:
    """At most 16 modules stand side by side."""
    assert crowded(modules(*PRODUCT, "tests", "benchmarks")) == {}


def test_a_crowded_folder_is_seen() -> None:
    """The seventeenth module is one too many; a folder below has its own count."""
    sixteen = [f"db/m{number}.py" for number in range(MOST_MODULES)]

    assert crowded([*sixteen, "db/models/a.py"]) == {}
    assert crowded([*sixteen, "db/one_more.py"]) == {"db": 17}


def test_no_folder_is_made_for_one_module() -> None:
    """A subject that fills one module is a module."""
    product = [path for path in modules(*PRODUCT) if not path.startswith(ALEMBIC)]

    assert len(product) > 200
    assert lonely(product) == {"client"}  # a distribution's folder


def test_a_folder_of_one_module_is_seen() -> None:
    """Two modules, or one beside a folder, are a subject."""
    assert lonely(["db/a.py", "db/b.py", "db/models/a.py", "db/models/b.py"]) == set()
    assert lonely(["db/a.py", "db/models/b.py"]) == {"db/models"}


def test_nobody_takes_what_a_neighbour_keeps_to_itself() -> None:
    """A name with an underscore is its module's own: tests may look, the product does not."""
    sources = {path: (ROOT / path).read_text("utf-8") for path in modules(*PRODUCT)}

    assert {path: taken for path, source in sources.items() if (taken := list(drawers(source)))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from db.engine import _Pool",
        "from db import engine\nengine._make()",
        "from db.engine import Pool\nPool._instances",
    ],
)
def test_a_neighbours_drawer_is_seen(source: str) -> None:
    """By import, or through the module or class that was imported."""
    assert len(list(drawers(source))) == 1


@pytest.mark.parametrize("packages", [PACKAGES, ("simulator",)], ids=["product", "simulator"])
def test_a_class_name_is_used_once(packages: tuple[str, ...]) -> None:
    """Who reads a name knows which thing it is, whatever the package."""
    sources = {str(path): path.read_text("utf-8") for name in packages for path in sorted((ROOT / name).rglob("*.py"))}

    assert len(sources) > 20
    assert shared_names(sources) == {}


@pytest.mark.parametrize("second", ["class Row:\n    pass", "class _Row:\n    pass", "class Row2:\n    pass"])
def test_a_name_of_two_classes_is_seen(second: str) -> None:
    """An underscore or a digit makes no other name."""
    assert shared_names({"db/a.py": "class Row:\n    pass", "tasks/b.py": second}) == {"Row": ["db/a.py", "tasks/b.py"]}


def test_what_documents_link_is_there() -> None:
    """A link of the README or of docs/ to a file of the repository leads there."""
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [
        (document, link)
        for document in documents
        for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", document.read_text("utf-8"))
        if "://" not in link and not link.startswith("mailto:")
    ]

    assert len(links) > 20
    assert [f"{by.relative_to(ROOT)}: {link}" for by, link in links if not (by.parent / link).exists()] == []


def test_files_that_documents_name_are_there() -> None:
    """A path in a document's text is one of the repository's; the changelog alone names what was."""
    folder = "|".join((*PRODUCT, "tests", "benchmarks", "examples", "docs"))
    path = re.compile(rf"(?<![\w/.])((?:{folder})/[\w/.-]*\.(?:py|lua|sql|md|jsonl|yml))\b")
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    named = [(document, name) for document in documents for name in path.findall(document.read_text("utf-8"))]

    assert len(named) > 20
    assert [f"{by.relative_to(ROOT)}: {name}" for by, name in named if not (ROOT / name).is_file()] == []


_UNMERGED = re.compile(r"^(?:<{7}|>{7}) \S", re.MULTILINE)


def test_no_file_has_the_marks_of_a_merge() -> None:
    """Markdown, SQL, Lua and YAML are read by no compiler that complains of them."""
    places = [
        ROOT.glob("*"),
        *((ROOT / name).rglob("*") for name in (*PRODUCT, "docs", "deploy", "tests", "benchmarks")),
    ]
    texts = [path for place in places for path in place if path.suffix in {".md", ".sql", ".lua", ".yml", ".toml"}]

    assert len(texts) > 200
    assert [str(path) for path in texts if _UNMERGED.search(path.read_text("utf-8"))] == []


def test_the_mark_of_a_merge_is_seen() -> None:
    """At the beginning of a line, with the name of its side."""
    assert _UNMERGED.search("one\n" + "<" * 7 + " HEAD\n")
