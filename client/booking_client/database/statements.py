"""The statements, one file each, under a comment that says why; and the steps that send them, whatever the driver.

Steps are a generator: it yields a Query and is sent its rows. So one code serves a caller's transaction, an event loop
and a worker, each with a driver of its own.
"""

import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Rows = Sequence[Sequence[Any]]


class Query(NamedTuple):
    """Hold a statement with its parameters, written %(name)s.

    `bounded`: it does nothing after %(not_after)s (None: it always does), and its first column says whether it came in
    time.
    """

    sql: str
    parameters: Mapping[str, Any]
    bounded: bool = False


Steps = Generator[Query, Rows, T]


def run(steps: Steps[T], ask: Callable[[Query], Rows]) -> T:
    """Send each statement of the steps by `ask`, and return their result."""
    answer: Rows | None = None
    while True:
        try:
            query = next(steps) if answer is None else steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        answer = ask(query)


async def run_async(steps: Steps[T], ask: Callable[[Query], Awaitable[Rows]]) -> T:
    """Send each statement of the steps by `ask`, and return their result."""
    answer: Rows | None = None
    while True:
        try:
            query = next(steps) if answer is None else steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        answer = await ask(query)


@cache
def load(name: str, schema: str | None, columns: str = "") -> str:
    """Return the statement of `name`.sql for tables of `schema` (None: those that the search path finds first)."""
    prefix = "" if schema is None else f'"{schema.replace(chr(34), chr(34) * 2)}".'
    text = (
        read(name)
        .replace("/* in_time */", read("in_time"))
        .replace("/* wants_its_time */", read("wants_its_time"))
        .replace("/* event_type */", read("event_type"))
        .replace("%", "%%")
        .replace("/* columns */", columns)
        .replace("/* schema */", prefix)
    )
    return re.sub(r"(?<!:):([a-z_]+)", r"%(\1)s", text)


@cache
def read(name: str) -> str:
    """Return the text of `name`.sql without its comment, which the server need not read a thousand times a second."""
    lines = files("booking_client").joinpath("sql", f"{name}.sql").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def answered(query: Query, rows: Rows) -> Rows:
    """Return what a statement wrote or read, without the first column of a bounded one."""
    if not query.bounded:
        return rows
    return [answer for _, *answer in rows if answer.count(None) < len(answer)]
