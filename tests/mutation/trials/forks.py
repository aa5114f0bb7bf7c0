"""Run pytest in forks of a process that has imported the libraries: importing them is most of what a short run does.

A program of its own, which imports nothing of ours: a fork finds the product in the copy that it is told. A line of
JSON on standard input begins a run ("folder", "environment", "arguments", "log"); standard output has its process id in
a line, and at its end an empty line. One run at a time; the program ends with its input.
"""

import json
import os
import random
import sys

# ruff: noqa: F401 - what the product and its tests import; no plugin of pytest, which pytest itself must import.
import celery.app.base
import celery.concurrency.thread
import celery.events
import celery.worker
import kombu.transport.redis
import psycopg.types.json
import pydantic
import pytest
import redis
import requests
import rich.console
import sqlalchemy.dialects.postgresql


def become(folder: str, environment: dict[str, str], arguments: list[str], log: str) -> int:
    """Make this process what `python -m pytest` in a folder would be, run it, and return its exit code."""
    os.chdir(folder)
    os.environ.clear()  # noqa: TID251 - it gets that of its run
    os.environ.update(environment)  # noqa: TID251
    for descriptor, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv = ["pytest", *arguments]
    sys.path[:0] = [folder, *environment["PYTHONPATH"].split(os.pathsep)]
    random.seed()  # else each run draws the same
    return pytest.main(arguments)


def serve() -> None:
    """Take runs until the input ends; a fork leaves this as the exit of its process."""
    told = os.dup(1)
    for line in sys.stdin.buffer:
        child = os.fork()
        os.setpgid(child, child)  # by both, so that neither goes on before it is done; 0 is the caller
        if child == 0:
            os.close(told)
            sys.exit(become(**json.loads(line)))
        os.write(told, f"{child}\n".encode())
        os.waitpid(child, 0)
        os.write(told, b"\n")


if __name__ == "__main__":
    serve()
