"""What hangs beside a host application says where: `make hosts` shows what it has printed."""

import sys
from pathlib import Path

import pytest

from tests.hosts.environments import Hung, command
from tests.hosts.shops import PYTEST

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
