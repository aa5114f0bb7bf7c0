"""A breakage is tried in a copy that is whole before and after, by processes that have not read the broken file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.breakage import Breakage
from tests.mutation.trials import forks, place
from tests.mutation.trials.place import Place, before
from tests.mutation.trials.trial import ROOT, Ended, read

FORKS = Path(forks.__file__)


def breakage(file: str, old: str = "1", new: str = "2") -> Breakage:
    """Break a file of a small product."""
    return Breakage("small", file, old, new, promise=1, test="tests/test_small.py::test_small")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Make a small product."""
    folder = tmp_path / "whole"
    (folder / "small").mkdir(parents=True)
    (folder / "small" / "__init__.py").write_text("NUMBER = 1\n")
    (folder / "small" / "asked.sql").write_text("SELECT 1\n")
    return folder


def test_a_copy_is_broken_for_one_run(whole: Path) -> None:
    """Then its file is the whole one again; no two broken files have one time, by which compiled files are known."""
    copy, times = Place(whole, whole.with_name("copy"), []), set()
    broken, kept = copy.folder / "small" / "__init__.py", whole / "small" / "__init__.py"

    for new in ("2", "3"):
        with copy.having(breakage("small/__init__.py", new=new)):
            assert (broken.read_text(), kept.read_text()) == (f"NUMBER = {new}\n", "NUMBER = 1\n")
            times.add(int(broken.stat().st_mtime))
        assert broken.samefile(kept)

    assert len(times | {int(kept.stat().st_mtime)}) == 3


@pytest.mark.parametrize(
    ("file", "packages"),
    [
        ("client/booking_client/asking.py", ()),
        ("resilience/exceptions.py", ("booking_client",)),
        ("db/engine.py", ("booking_client", "resilience")),
        ("tasks/work/claim.py", ("booking_client", "resilience", "db")),
        ("worker/celery_app.py", ()),  # says itself what is imported
        ("worker/wiring.py", ("booking_client", "resilience", "db", "tasks")),
        ("db/sql/claim.sql", ("booking_client", "resilience", "db", "tasks", "worker")),
        ("tests/model/changes/order.py", ("booking_client", "resilience", "db", "tasks", "worker")),
    ],
)
def test_what_imports_a_broken_file_is_imported_after_it_was_broken(file: str, packages: tuple[str, ...]) -> None:
    """The packages below its own stay as they are; a statement is read when it is used."""
    assert before(breakage(file)) == packages


@pytest.mark.parametrize(("file", "ended"), [("small/__init__.py", 1), ("small/asked.sql", 0)])
def test_no_run_begins_where_its_broken_file_was_read(whole: Path, file: str, ended: int) -> None:
    """Else the test would meet the product as it was before."""
    environment = place.environment(whole)
    order = {"broken": file, "environment": environment, "arguments": ["--version"], "log": os.devnull}

    for _ in ("not compiled", "compiled"):
        ran = subprocess.run(
            [sys.executable, "-P", FORKS, "small"],
            cwd=whole,
            env=environment,
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, "was read before it was broken" in ran.stderr) == (ended, bool(ended)), ran.stderr


def test_a_test_that_asserts_or_waits_in_vain_has_failed_and_any_other_error_is_none(tmp_path: Path) -> None:
    """A wait that runs out is a verdict: what the test waits for does not come."""
    (tmp_path / "test_small.py").write_text(
        "from tests.running.waiting import eventually\n"
        "def test_asserts(): assert 1 == 2\n"
        "def test_waits(): eventually(lambda: False, within=0)\n"
        "def test_breaks(): 1 / 0\n"
        "def test_passes(): pass\n"
    )
    report = tmp_path / "report.xml"
    arguments = ["-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}", f"--junitxml={report}"]
    argv = [sys.executable, "-m", "pytest", *arguments, "test_small.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # noqa: TID251 - a child's
    subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, check=False)

    names = ("asserts", "waits", "breaks", "passes")
    seen = read(report.read_text("utf-8"), [f"test_small.py::test_{name}" for name in names])

    assert [one.ended for one in seen.values()] == [Ended.FAILED, Ended.FAILED, Ended.BROKEN, Ended.PASSED]
