"""The PostgreSQL with migrated tables that the processes of a run start on copies of: made while the tests are read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "prepared_postgres"
PREPARED = "TESTS_PREPARED_POSTGRES"  # tests/support/servers/migrated.py


class PreparedPostgres:
    """Make one in a process of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Begin, and say to all processes where it will be."""
        folder = session.config._tmp_path_factory.mktemp("prepared")  # type: ignore[attr-defined] # noqa: SLF001
        os.environ[PREPARED] = str(folder)  # noqa: TID251 - the tests' own
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers.migrated", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> None:
        """Wait until it is made. Raises RuntimeError with what went wrong."""
        made, self._process = self._process, None
        if made is not None:
            _, said = made.communicate()
            if made.returncode:
                raise RuntimeError(said)


def pytest_configure(config: pytest.Config) -> None:
    """Make it for a run of many processes."""
    if config.getoption("--processes", 0) and not config.option.collectonly and PREPARED not in os.environ:  # noqa: TID251 - the tests' own
        config.pluginmanager.register(PreparedPostgres(), NAME)
