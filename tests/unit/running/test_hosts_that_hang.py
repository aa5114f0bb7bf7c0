"""What hangs beside a host application says where: `make hosts` shows what it has printed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hosts.environments import Environment, Hung, Wrong, command
from tests.hosts.shops import PYTEST, Shop
from tests.running.second_look import TOLD

HANGS = "import threading; print('so far', flush=True); threading.Event().wait()"


def test_a_command_that_does_not_end_is_told_with_what_it_has_printed() -> None:
    """A command of pip, of pytest or of the host's own."""
    with pytest.raises(Hung, match=r"did not end within 1 s:\nso far"):
        command([sys.executable, "-c", HANGS], patience=1)


def test_a_host_s_test_that_hangs_is_told_with_the_stacks_of_all_threads(tmp_path: Path) -> None:
    """It ends long before it would be given up."""
    (tmp_path / "test_it.py").write_text(f"def test_that_hangs():\n    {HANGS}\n")
    with pytest.raises(Hung, match=r"(?s)hung:.*test_that_hangs.*File .*in test_that_hangs"):
        command([sys.executable, *PYTEST, "-o", "faulthandler_timeout=1"], cwd=tmp_path)


class LookedAt(Shop):
    """A shop whose tests end as they are told: with an error, or with the lines that they print."""

    def _test(self, guest: str) -> list[str]:
        end = next(ENDS[self.name])
        if isinstance(end, Exception):
            raise end
        return [guest, end]


ENDS: dict[str, Iterator[Any]] = {}


def looked_at(folder: Path, *ends: Any) -> list[str]:
    """Run the tests of a shop in a folder, which end so one after the other."""
    servers: Any = None
    ENDS["shop"] = iter(ends)
    return LookedAt("shop", Environment(folder, "client", (), ()), folder, servers, 1).test("client")


def test_tests_that_hang_are_looked_at_once_more_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first look has left behind is ended: a worker of it would take the tasks of the second one."""
    told = tmp_path / "told"
    monkeypatch.setenv(TOLD, str(told))
    left = subprocess.Popen([sys.executable, "-c", HANGS], env={"SEEN": str(tmp_path / "seen.txt")})

    lines = looked_at(tmp_path, Hung("in test_it"), "all well")

    assert lines == ["client", "all well"]
    assert left.wait(30) == -9
    assert told.read_text() == "\nunsteady: shop_client: in test_it\n"


@pytest.mark.parametrize("ends", [(Hung("here"), Hung("there")), (Wrong("here"), "all well")])
def test_what_hangs_twice_or_is_wrong_is_refused(tmp_path: Path, ends: tuple[Any, ...]) -> None:
    """A false line is never looked at again."""
    with pytest.raises(Wrong, match=r"there|here"):
        looked_at(tmp_path, *ends)

    assert [*ENDS["shop"]] == [one for one in ends if one == "all well"]
