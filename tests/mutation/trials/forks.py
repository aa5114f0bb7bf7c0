"""Run pytest in forks of a process that has imported what a run needs: importing is most of what a short run does.

Its arguments are the modules of the product that it imports beside the libraries, found by PYTHONPATH. A line of JSON
on standard input begins a run ("broken", "environment", "arguments", "log") in the folder that this process has;
standard output has its process id in a line, and at its end an empty line. One run at a time; the program ends with
its input.
"""

import gc
import importlib
import json
import os
import random
import runpy
import sys
from pathlib import Path

# ruff: noqa: F401 - what the product and its tests import; no plugin of pytest, which pytest itself must import.
import _pytest.junitxml
import alembic.command
import celery.app.base
import celery.concurrency.thread
import celery.events
import celery.worker
import cryptography.fernet
import email_validator
import flower.views
import kombu.transport.redis
import psycopg.types.json
import pydantic.dataclasses
import pytest
import redis
import requests
import rich.progress
import rich.table
import sqlalchemy.dialects.postgresql
import tornado.web
import typer

SPARE = "TESTS_SPARE_PROCESS"  # tests/support/zygote.py


class Opened:
    """Keep the names of all files that this process has opened since it looks."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | os.PathLike):
            self.names.add(os.fspath(arguments[0]))

    def has(self, path: Path) -> bool:
        """Return whether a file was read, or what was compiled of it."""
        compiled = importlib.util.cache_from_source(str(path)) if path.suffix == ".py" else ""
        return not self.names.isdisjoint((str(path), compiled))


def become(environment: dict[str, str], arguments: list[str], log: str) -> int:
    """Make this process what `python -m pytest` would be, run it, and return its exit code."""
    os.environ.clear()  # noqa: TID251 - it gets that of its run
    os.environ.update(environment)  # noqa: TID251
    for descriptor, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)
    os.environ[SPARE] = spare()  # noqa: TID251 - the same
    sys.argv = ["pytest", *arguments]
    random.seed()  # else each run draws the same
    return pytest.main(arguments)


def spare() -> str:
    """Fork a process that waits to be told a program of the tests to run; return its id and the pipes to it.

    Its standard input begins with a line of JSON ("program", "environment"). It ends unused when that ends.
    """
    read_order, write_order = os.pipe()
    read_answer, write_answer = os.pipe()
    if child := os.fork():
        os.close(read_order)
        os.close(write_answer)
        return json.dumps([child, write_order, read_answer])
    os.setsid()
    os.dup2(read_order, 0)
    os.dup2(write_answer, 1)
    for descriptor in (read_order, write_order, read_answer, write_answer):
        os.close(descriptor)
    sys.stdin = os.fdopen(0)
    if line := sys.stdin.readline():
        order = json.loads(line)
        os.environ.clear()  # noqa: TID251 - as a new process would have it
        os.environ.update(order["environment"])  # noqa: TID251 - the same
        runpy.run_path(order["program"], run_name="__main__")
    os._exit(0)


def serve(opened: Opened) -> None:
    """Take runs until the input ends; a fork leaves this as the exit of its process."""
    told = os.dup(1)
    folder = Path.cwd()
    for line in sys.stdin.buffer:
        order = json.loads(line)
        if (broken := order.pop("broken")) and opened.has(folder / broken):
            sys.exit(f"{broken} was read before it was broken")
        child = os.fork()
        os.setpgid(child, child)  # by both, so that neither goes on before it is done; 0 is the caller
        if child == 0:
            os.close(told)
            sys.exit(become(**order))
        os.write(told, f"{child}\n".encode())
        os.waitpid(child, 0)
        os.write(told, b"\n")


if __name__ == "__main__":
    looked = Opened()
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()  # no collector of a run walks what all have in common, and so copies it
    serve(looked)
