"""What a test is made of: definitions that it uses at any number of steps, and no others of their modules."""

from pathlib import Path

import pytest

from tests.mutation.choice.graph import Graph

FIRST, SECOND, OTHER = "tests/unit/test_it.py::test_first", "tests/unit/test_it.py::test_second", "tests/test_other.py"
CONFTEST = """
import pytest
from tests.support import near

@pytest.fixture
def base():
    return 1

@pytest.fixture
def made(base):
    return near.helped(base)

@pytest.fixture(name="named")
def _named():
    return 1
"""
TREE = {
    "pyproject.toml": 'addopts = "-q -p tests.plugin"',
    "tests/plugin.py": "import pytest\n\n@pytest.fixture\ndef plugged():\n    return 1\n",
    "tests/conftest.py": CONFTEST,
    "tests/support/near.py": "from tests.support.far import far\n\ndef helped(one):\n    return far() + one\n",
    "tests/support/far.py": "FAR = 1\n\ndef far():\n    return FAR\n\ndef unused():\n    return 2\n",
    "tests/support/bare.py": "def bare():\n    return 1\n",
    "tests/support/program.py": "def run():\n    return 1\n\nif __name__ == '__main__':\n    run()\n",
    "tests/support/done.py": "print('imported')\n",
    "tests/unit/test_it.py": "def test_first(made):\n    assert made\n\ndef test_second():\n    assert 1 + 1 == 2\n",
    "tests/test_other.py": "def test_other():\n    assert 1 + 1 == 2\n",
}
NEAR, FAR, BARE, PROGRAM = (TREE[f"tests/support/{name}.py"] for name in ("near", "far", "bare", "program"))
TESTS = TREE["tests/unit/test_it.py"]


def using(more: str, first: str = "import pytest\n") -> dict[str, str]:
    """Have the second test do this, too."""
    return {"tests/unit/test_it.py": first + TESTS + more}


def far(old: str, new: str) -> dict[str, str | None]:
    """Change the far module."""
    return {"tests/support/far.py": FAR.replace(old, new)}


def changed(root: Path, before: dict[str, str], after: dict[str, str | None]) -> set[str]:
    """Return which tests are others, once these files are."""
    was = {**TREE, **before}
    for name, text in {**was, **after}.items():
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
    graph = Graph(root, {name: was.get(name) for name, text in after.items() if text != was.get(name)})
    names = {FIRST: "first", SECOND: "second", f"{OTHER}::test_other": "other"}
    return {said for test, said in names.items() if graph.changed & graph.made_of(test)}


ITSELF = "def started():\n    run(__file__)\n\nONE = 1\n"
ALL = {"first", "second", "other"}
BARE_CHANGED: dict[str, str | None] = {"tests/support/bare.py": BARE.replace("1", "2")}
PROGRAM_CHANGED: dict[str, str | None] = {"tests/support/program.py": PROGRAM.replace("1", "2")}
DONE = 'addopts = "-q -p tests.plugin -p tests.support.done"'
PLACED = "from pathlib import Path\n" + FAR.replace("FAR = 1", "FAR = Path(__file__)")
NEAR_PROGRAM = {"tests/support/near.py": f"from tests.support import program\n{NEAR}"}
OWN = "\n\n@pytest.fixture\ndef base():\n    return 2\n"


@pytest.mark.parametrize(
    ("after", "tests"),
    [
        ({}, set()),
        ({"tests/unit/test_it.py": TESTS.replace("1 + 1", "2 + 0")}, {"second"}),
        ({"tests/unit/test_it.py": TESTS + "\n\ndef test_third():\n    assert 1 + 1 == 2\n"}, set()),
        (far("FAR = 1", "FAR = 2"), {"first"}),
        (far("return 2", "return 3"), set()),
        (far("FAR = 1", '"""It is far."""\nFAR = 1  # far'), set()),
        (far("    return FAR", '    """Say how far."""\n    return FAR'), set()),
        ({"tests/support/far.py": f"{FAR}\nNEW = 1\n"}, set()),
        (far("def far():", "def far() -> int:"), set()),
        ({"tests/support/far.py": f"if TYPE_CHECKING:\n    FAR = 3\n{FAR}"}, set()),
        ({"tests/support/far.py": f"if TYPE_CHECKING:\n    pass\nelse:\n    vars().update(FAR=2)\n{FAR}"}, ALL),
        (far("FAR = 1", "from pathlib import Path\nFAR = Path(__file__) and 1\nMORE = 1"), {"first"}),
        ({"tests/support/far.py": f"{FAR}\nvars().update(FAR=2)\n"}, ALL),
        ({"tests/support/far.py": f"{FAR}\nassert FAR\n"}, ALL),
        ({"tests/support/far.py": f"{FAR}\nvars()['FAR'] = 2\n"}, ALL),
        ({"tests/support/near.py": NEAR.replace("support.far", "support.bare")}, {"first"}),
        ({"tests/support/near.py": f"import tests.support.program\n{NEAR}"}, set()),
        ({"tests/support/near.py": f"import tests.support.done\n{NEAR}"}, ALL),
        ({"tests/support/near.py": f"{NEAR}\n@contextmanager\ndef more():\n    yield 1\n"}, set()),
        ({"tests/support/near.py": f"{NEAR}\n@registered\ndef more():\n    return 1\n"}, ALL),
        ({"tests/support/far.py": None}, {"first"}),
        ({"tests/conftest.py": CONFTEST.replace("def base():\n    return 1", "def base():\n    return 2")}, {"first"}),
        ({"tests/conftest.py": CONFTEST + "\n\n@pytest.fixture\ndef new():\n    return 1\n"}, set()),
        ({"tests/conftest.py": CONFTEST + "\n\n@pytest.fixture(autouse=True)\ndef new():\n    return 1\n"}, ALL),
        ({"tests/conftest.py": CONFTEST + "\n\ndef pytest_configure():\n    return 1\n"}, ALL),
        (
            {"tests/conftest.py": CONFTEST + "\n\n@pytest.hookimpl\ndef pytest_terminal_summary():\n    return 1\n"},
            set(),
        ),
        ({"tests/unit/conftest.py": f"import pytest\n{OWN}"}, {"first"}),
        ({"tests/unit/conftest.py": "print(1)\n"}, {"first", "second"}),
        (using("\n\npytestmark = pytest.mark.long\n"), {"first", "second"}),
        ({"pyproject.toml": 'addopts = "-q -p tests.plugin -p tests.new"', "tests/new.py": "NEW = 1\n"}, set()),
        ({"pyproject.toml": DONE}, ALL),
        ({"pyproject.toml": 'addopts = "-q -p tests.plugin -p tests.tree"', "tests/tree.py": "print(1)\n"}, set()),
        (
            {
                "pyproject.toml": 'addopts = "-q -p tests.plugin -p tests.new"',
                "tests/new.py": "def pytest_configure():\n    return 1\n",
            },
            ALL,
        ),
        ({"tests/fixtures/some.json": "{}"}, ALL),
    ],
)
def test_a_change_is_of_the_tests_that_use_it(tmp_path: Path, after: dict[str, str | None], tests: set[str]) -> None:
    """The first test uses a fixture, which uses another one, and a definition of a module that uses a third one's."""
    assert changed(tmp_path, {}, after) == tests


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (using("    near.helped(1)\n", "from tests.support import near\n"), far("FAR = 1", "FAR = 2")),
        (using("    from tests.support.bare import bare\n    bare()\n"), BARE_CHANGED),
        (using("    from tests.support import bare\n    bare.bare()\n"), BARE_CHANGED),
        (using("    tests.support.bare.bare()\n", "import tests.support.bare\n"), BARE_CHANGED),
        (using("    print(bare)\n", "from tests.support import bare\n"), BARE_CHANGED),
        (
            using("    bare()\n", "try:\n    from tests.support.bare import bare\nexcept ImportError:\n    pass\n"),
            BARE_CHANGED,
        ),
        (
            using("    tests.support.bare.bare()\n", "import tests.support.bare\n"),
            {"tests/support/bare.py": f"{BARE}\nprint(1)\n"},
        ),
        (using("    run('tests.support.program')\n"), PROGRAM_CHANGED),
        (using("    run('tests.support.')\n") | NEAR_PROGRAM, PROGRAM_CHANGED),
        (
            using("    run('tests.pack')\n")
            | {"tests/pack/__main__.py": "ONE = 1\n", "tests/support/near.py": f"import tests.pack.__main__\n{NEAR}"},
            {"tests/pack/__main__.py": "ONE = 2\n"},
        ),
        (using("    run('tests.support.')\n"), PROGRAM_CHANGED),
        (using("    run('program.py')\n"), PROGRAM_CHANGED),
        (
            using("    run('program.py')\n") | NEAR_PROGRAM,
            PROGRAM_CHANGED,
        ),
        (
            using("    run('tests.support.program')\n"),
            {"tests/support/program.py": PROGRAM.replace("    run()", "    run() or run()")},
        ),
        (
            using("    started()\n", "from tests.support.itself import started\n")
            | {"tests/support/itself.py": ITSELF},
            {"tests/support/itself.py": ITSELF.replace("1", "2")},
        ),
        (using("    read('some.json')\n") | {"tests/fixtures/some.json": ""}, {"tests/fixtures/some.json": "{}"}),
        (using("    read('fixtures/')\n") | {"tests/fixtures/some.json": ""}, {"tests/fixtures/some.json": "{}"}),
        (using("    run('programs/')\n"), {"tests/support/programs/one.py": "ONE = 'tests.support.programs.one'\n"}),
        (
            using("\n@pytest.mark.usefixtures('plugged')\ndef test_second():\n    assert 1 + 1 == 2\n"),
            {"tests/plugin.py": TREE["tests/plugin.py"].replace("1", "2")},
        ),
        (
            using("\ndef test_second(request):\n    request.getfixturevalue('plugged')\n"),
            {"tests/plugin.py": TREE["tests/plugin.py"].replace("1", "2")},
        ),
        (
            using("\ndef test_second(request):\n    request.getfixturevalue('plug' + 'ged')\n"),
            {"tests/plugin.py": TREE["tests/plugin.py"].replace("1", "2")},
        ),
        (
            using("\ndef test_second(named):\n    assert named\n"),
            {"tests/conftest.py": CONFTEST.replace("def _named():\n    return 1", "def _named():\n    return 2")},
        ),
        (
            using("\ndef test_second(base):\n    assert base\n") | {"tests/unit/conftest.py": f"import pytest\n{OWN}"},
            {"tests/unit/conftest.py": None},
        ),
    ],
)
def test_a_use_is_found(tmp_path: Path, before: dict[str, str], after: dict[str, str | None]) -> None:
    """Of the second test: by module, import in a function, string, file, fixture asked for by another way."""
    assert "second" in changed(tmp_path / "with", before, after)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (
            "def bare(one, /, two, *three, four, **five):",
            "def bare(one: int, /, two: int, *three: int, four: int, **five: int) -> int:",
        ),
        ("async def bare():", "async def bare() -> int:"),
        ("@property\ndef bare(one):", "@property\ndef bare(one: int):"),
    ],
)
def test_what_says_something_to_readers_alone_is_no_change(tmp_path: Path, was: str, now: str) -> None:
    """Annotations of functions."""
    using_it = using("    bare.bare()\n", "from tests.support import bare\n")
    body = "\n    return 1\n"

    assert not changed(
        tmp_path, using_it | {"tests/support/bare.py": was + body}, {"tests/support/bare.py": now + body}
    )


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("@command\ndef bare(one: int):\n    return 1\n", "@command\ndef bare(one: str):\n    return 1\n"),
        ("class bare:\n    one: int\n", "class bare:\n    one: str\n"),
    ],
)
def test_a_type_that_is_read_is_a_change(tmp_path: Path, was: str, now: str) -> None:
    """Of a function that a decorator may make known, and of a class's field."""
    using_it = using("    bare.bare()\n", "from tests.support import bare\n")

    assert "second" in changed(tmp_path, using_it | {"tests/support/bare.py": was}, {"tests/support/bare.py": now})


@pytest.mark.parametrize(
    ("before", "after", "tests"),
    [
        ({"tests/support/far.py": PLACED}, {"tests/support/far.py": PLACED.replace("return 2", "return 3")}, set()),
        ({"pyproject.toml": DONE}, {"pyproject.toml": TREE["pyproject.toml"]}, ALL),
        (using("    print('support')\n"), far("return 2", "return 3"), set()),
        (using("    run('test_other.py')\n"), {OTHER: TREE[OTHER].replace("1 + 1", "2 + 0")}, {"other"}),
    ],
)
def test_a_change_of_what_was_there_before(
    tmp_path: Path, before: dict[str, str], after: dict[str, str | None], tests: set[str]
) -> None:
    """Names of places say nothing of what is there, nor those of tests' files; a plugin that is gone was in all."""
    assert changed(tmp_path, before, after) == tests


def test_a_class_asks_for_fixtures_by_its_tests(tmp_path: Path) -> None:
    """By their arguments."""
    asked = "class TestIt:\n    def test_it(self, plugged):\n        assert plugged\n"
    changed(tmp_path, {"tests/test_other.py": asked}, {})
    graph = Graph(tmp_path, {"tests/plugin.py": TREE["tests/plugin.py"].replace("1", "2")})

    assert graph.changed & graph.made_of("tests/test_other.py::TestIt::test_it")


def test_a_test_that_is_not_found_is_made_of_its_whole_file(tmp_path: Path) -> None:
    """One that a hook makes, or a module's own code."""
    changed(tmp_path, {}, {})
    graph = Graph(tmp_path, {"tests/test_other.py": ""})

    assert graph.changed & graph.made_of("tests/test_other.py::test_made_by_a_hook")
