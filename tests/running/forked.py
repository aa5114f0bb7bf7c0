"""What a fork of the process that has read the tests does: run its shares, and tell what came of each test."""

import os
import signal
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.capture import FDCapture
from _pytest.runner import runtestprotocol

from tests.running.shares import Share


def run_shares(
    session: pytest.Session, connection: Connection, share: Share, folder: Path, *, others: Iterable[Connection]
) -> NoReturn:
    """Run a share and those that it gets for the asking; be no process any more when there are none."""
    try:
        for one in others:
            one.close()  # or it would hold open what says that who has forked is gone
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()  # Ctrl-C is for the process that has forked, which tells when to end
        _have_own(session.config, folder)
        protocol = _Protocol(session)
        for number, following in _in_turn(connection, share):
            connection.send(("begins", number))
            connection.send(("ended", number, protocol.run(number, following)))
        connection.send("over")
    except (KeyboardInterrupt, pytest.exit.Exception) as why:
        _end(session)
        _tell(connection, "interrupted", str(why))
    except (BrokenPipeError, EOFError):  # who has forked is gone
        _end(session)
    except BaseException:  # noqa: BLE001 - it is told
        _end(session)
        _tell(connection, "error", traceback.format_exc())
    finally:
        os._exit(0)


def _have_own(config: pytest.Config, folder: Path) -> None:
    """Have files of its own for what is captured, which forks would share, and a folder for what tests make.

    The streams stay: what a module has begun to log to when it was imported goes on.
    """
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    for one in (capture._global_capturing.out, capture._global_capturing.err):  # noqa: SLF001 - by no other way
        if isinstance(one, FDCapture):
            with tempfile.TemporaryFile(buffering=0) as own:
                os.dup2(own.fileno(), one.tmpfile.fileno(), inheritable=False)
    config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined] # noqa: SLF001 - as xdist's processes have it


def _in_turn(connection: Connection, share: Share | None) -> Iterator[tuple[int, int | None]]:
    """Yield each test with the one after it."""
    while share:
        following = None
        while share:
            number = share.popleft()
            if not share:
                connection.send("next")
                following = connection.recv()
            after = share or following
            yield number, after[0] if after else None
        share = following


class _Protocol:
    """Run a test as pytest does, and keep its reports from all but who asked for it."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._reports: list[pytest.TestReport] = []
        session.config.pluginmanager.register(self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        self._reports = runtestprotocol(item, log=False, nextitem=nextitem)
        return True

    def run(self, number: int, following: int | None) -> list[Any]:
        """Run a test and return its reports, to be sent."""
        config, items = self._session.config, self._session.items
        after = None if following is None else items[following]
        config.hook.pytest_runtest_protocol(item=items[number], nextitem=after)
        return [config.hook.pytest_report_to_serializable(config=config, report=report) for report in self._reports]


def _end(session: pytest.Session) -> None:
    """End what its tests have begun."""
    with suppress(BaseException):
        session._setupstate.teardown_exact(None)  # noqa: SLF001 - as pytest does at its end


def _tell(connection: Connection, what: str, why: str) -> None:
    with suppress(OSError):
        connection.send((what, why))
