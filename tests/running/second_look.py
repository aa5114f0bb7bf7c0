"""A failure is looked at twice: a test whose wait ran out of time is run once more, alone, when the others are over.

It is judged by the type of what was raised, never by words: a false count or a wrong value fails the run at once. Who
passes alone is *unsteady*: the run goes on, and its last lines have the first failure. That is a bug to be mended.
"""

import os
import queue
import subprocess
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
import requests
from sqlalchemy import exc

from tests.running.waiting import RanOut

MOST = 5  # unsteady tests that a run may have
TOLD = "TESTS_UNSTEADY"  # names a file to which the report of unsteady tests is added: CI prints it last
OUT_OF_TIME = (
    RanOut,
    TimeoutError,  # of sockets, futures and asyncio
    subprocess.TimeoutExpired,
    queue.Empty,
    requests.Timeout,
    redis.TimeoutError,
    psycopg.errors.ConnectionTimeout,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    exc.TimeoutError,  # of a pool
)
UNSTEADY = "unsteady"  # of a report that passed alone: the reports of the failure before it


def ran_out(error: BaseException) -> bool:
    """Return whether a wait that ran out of its time is all that went wrong: also where SQLAlchemy raises for it."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(ran_out, error.exceptions))
    chain = list(_chain(error))
    wrong = any(isinstance(one, AssertionError | pytest.fail.Exception) and not _is_timeout(one) for one in chain)
    return not wrong and any(map(_is_timeout, (error, getattr(error, "orig", None))))


def _is_timeout(error: object) -> bool:
    return isinstance(error, OUT_OF_TIME)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield it and what was under way when it was raised."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[Any],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of each failure whether it may be looked at again: of the report, which goes from process to process."""
    report = yield
    report.ran_out = report.failed and call.excinfo is not None and ran_out(call.excinfo.value)  # type: ignore[attr-defined]
    return report


def may_pass(reports: Sequence[pytest.TestReport]) -> bool:
    """Return whether a test has failed in nothing but waits that ran out."""
    failed = [one for one in reports if one.failed]
    return bool(failed) and all(getattr(one, "ran_out", False) for one in failed)


def unsteady(reports: list[pytest.TestReport], first: Sequence[pytest.TestReport]) -> list[pytest.TestReport]:
    """Let the reports of a second look know the failures of the first."""
    for one in reports:
        if one.when == "call":
            setattr(one, UNSTEADY, [failure for failure in first if failure.failed])
            one.user_properties.append((UNSTEADY, "a wait ran out of its time beside others"))
    return reports


def keep_told(lines: Sequence[str]) -> None:
    """Keep what is said of unsteady tests for who runs more than these tests."""
    if told := os.environ.get(TOLD):  # noqa: TID251 - the tests' own
        with Path(told).open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Count an unsteady test as such."""
    return (UNSTEADY, "u", "UNSTEADY") if getattr(report, UNSTEADY, None) else None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the unsteady tests, each with its first failure; and keep that for who runs more than tests."""
    found = terminalreporter.stats.get(UNSTEADY, [])
    if not found:
        return
    terminalreporter.section("unsteady: each failed beside others and passed alone", bold=True)
    lines = []
    for one in found:
        lines += [f"\nunsteady: {one.nodeid}"]
        for failure in getattr(one, UNSTEADY):
            lines += [f"{failure.when}:", failure.longreprtext]
            lines += [f"--- {title} ---\n{text}" for title, text in failure.sections]
    for line in lines:
        terminalreporter.write_line(line)
    keep_told(lines)
