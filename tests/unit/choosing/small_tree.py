"""A small tree in git with breakages of its own, for what chooses among them by what has changed."""

from pathlib import Path

from tests.mutation.breakage import Breakage
from tests.mutation.choice.choosing import Choice, choose
from tests.mutation.choice.last import git, keep, listed
from tests.mutation.choice.searches import SEARCHES

ROOT = Path(__file__).parents[3]
LUA, CHANGES, EVIDENCE, GUARDS, HOLDS = SEARCHES
LIST = """
from tests.mutation.breakage import Breakage

BREAKAGES = (
    Breakage("one", "product/one.py", "1", "2", promise=1, test="tests/unit/test_one.py::test_it"),
    Breakage("two", "product/two.sql", "1", "2", promise=1, test="tests/integration/test_two.py::test_it"),
    Breakage("kept", "product/kept.py", "1", "2", promise=1, test="tests/integration/test_kept.py::test_it"),
)
"""
MACHINERY = """
def _unbroken(workshop):
    return workshop.run()

def _run():
    return 1
"""
WORKSHOP = """
from tests.mutation.trials import place

FIRST = "tests.support.others"

class Workshop:
    def run(self):
        place.run() or FIRST
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
    "tasks/work/moves.py": "",
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
    "tests/model/product.py": "from tasks.work import moves\n\ndef walk():\n    moves.move()\n",
    "tests/mutation/breakage.py": (ROOT / "tests" / "mutation" / "breakage.py").read_text("utf-8"),
    "tests/mutation/breakages.py": "from tests.mutation.lists.first import BREAKAGES\n",
    "tests/mutation/lists/first.py": LIST,
    "tests/mutation/__main__.py": MACHINERY,
    "tests/mutation/trials/trial.py": WORKSHOP,
    "tests/mutation/trials/place.py": "def run():\n    return 'forks.py'\n",
    "tests/mutation/trials/forks.py": "",
    LUA: "",
    CHANGES: "from tests.model import product\n\ndef test_it():\n    product.walk()\n",
    EVIDENCE: "",
    GUARDS: "",
    HOLDS: "",
}
NAMED = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")


def commit(root: Path) -> str:
    """Commit all that is in a tree, and return the commit."""
    git(root, "add", "--all")
    git(root, *NAMED, "commit", "--quiet", "--message=all")
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


def small_tree(root: Path) -> Path:
    """Make one whose last whole run is of its first commit, and kept in its second."""
    write(root, dict(SMALL))
    git(root, "init", "--quiet")
    first = commit(root)
    keep(root, first, [breakage("product/one.py")], dict.fromkeys(SEARCHES, 1))
    commit(root)
    return root


def breakage(file: str) -> Breakage:
    """Break a file of the small tree."""
    return Breakage("one", file, "1", "2", promise=1, test="tests/unit/test_one.py::test_it")
