"""However the parent ends, no server and no file outlives it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tests.running.waiting import eventually

PARENT = """
import json, os, sys
from worker.local import embedded
with embedded.servers() as servers:
    if "fork" in sys.argv and os.fork() == 0:
        os.read(int(sys.argv[2]), 1)
        os._exit(0)
    print(json.dumps([servers.guard.pid, str(servers.folder), servers.database_url, servers.redis_url]), flush=True)
    sys.stdin.readline()
    if "raise" in sys.argv:
        raise SystemExit("as if something had gone wrong")
"""
BOUND = 60.0  # seconds


def tree(pid: int) -> list[int]:
    """List a process and everything below it."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(stat.parent.name))
    return [pid, *(found for child in below.get(pid, []) for found in tree(child))]


def is_gone(pid: int) -> bool:
    """Say whether a process has ended; a zombie that nobody reaps here has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Parent:
    """A process that runs the servers, and what must be gone when it is."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        self.process = process
        self.guard, folder, self.database_url, self.redis_url = json.loads(process.stdout.readline())
        self.folder = Path(folder)
        self.kept = tree(self.guard)

    def nothing_is_left(self) -> bool:
        """Say whether the guard, every server process and the folder are gone."""
        return all(map(is_gone, self.kept)) and not self.folder.exists()


@contextmanager
def parent(*arguments: str) -> Iterator[Parent]:
    """Run a parent in a process group of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            made = Parent(process)
            assert len(made.kept) > 5  # the guard, Valkey, Postgres and its own
            yield made
        finally:
            process.kill()


def let_go(running: Parent) -> None:
    """End the parent's block."""
    assert running.process.stdin
    running.process.stdin.close()


ENDINGS: dict[str, Callable[[Parent], object]] = {
    "SIGTERM": lambda running: running.process.terminate(),
    "SIGKILL": lambda running: running.process.kill(),
    "SIGHUP": lambda running: running.process.send_signal(signal.SIGHUP),
    "Ctrl-C": lambda running: os.killpg(running.process.pid, signal.SIGINT),
    "kill -9 of the group": lambda running: os.killpg(running.process.pid, signal.SIGKILL),
}


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_when_the_parent_is_ended(ending: str) -> None:
    """A parent that is told to end, or is killed, takes the servers and their folder with it."""
    with parent() as running:
        ENDINGS[ending](running)
        running.process.wait(BOUND)
        eventually(running.nothing_is_left)


@pytest.mark.variants
@pytest.mark.parametrize("how", ["by itself", "raise"])
def test_nothing_is_left_when_the_block_ends(how: str) -> None:
    """All is gone before the parent itself ends: the block waits for it."""
    with parent(how) as running:
        let_go(running)
        code = running.process.wait(BOUND)
        assert running.nothing_is_left()
        assert code == (1 if how == "raise" else 0)


def test_a_forked_child_that_lives_on_does_not_keep_the_servers() -> None:
    """A fork inherits the pipe that the guard watches; the guard watches the parent itself as well."""
    read, write = os.pipe()
    try:
        with parent_that_forked(read) as running:
            running.process.kill()
            eventually(running.nothing_is_left)
    finally:
        os.close(write)
        os.close(read)


@contextmanager
def parent_that_forked(pipe: int) -> Iterator[Parent]:
    """Run a parent with a forked child that lives until the pipe is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, "fork", str(pipe)],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(pipe,),
    ) as process:
        yield Parent(process)


def test_servers_go_when_the_guard_is_killed() -> None:
    """The kernel ends them then, and the parent removes the folder at its end."""
    with parent() as running:
        os.kill(running.guard, signal.SIGKILL)
        eventually(lambda: all(map(is_gone, running.kept)))
        let_go(running)
        running.process.wait(BOUND)
        assert not running.folder.exists()


def test_signals_to_the_guard_do_not_end_the_servers() -> None:
    """Ctrl-C reaches neither guard nor servers, which live until their parent has ended its own work."""
    with parent() as running:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(running.guard, number)
        assert {os.getsid(pid) for pid in running.kept}.isdisjoint({os.getsid(running.process.pid)})
        with psycopg.connect(running.database_url) as database, redis.Redis.from_url(running.redis_url) as valkey:
            assert database.execute("SELECT 1").fetchone() == (1,)
            assert valkey.ping()


def test_a_frozen_server_is_ended_too() -> None:
    """A stopped process takes no signal but SIGCONT and SIGKILL."""
    with parent() as running:
        for pid in running.kept[1:]:
            os.kill(pid, signal.SIGSTOP)
        running.process.kill()
        eventually(running.nothing_is_left)


def test_nothing_is_left_of_a_start_that_was_killed_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard makes the folder and runs initdb itself, so a kill at any moment is a kill in good order."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,  # without an end: a parent that has started waits to be killed
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        eventually(lambda: len(tree(process.pid)) > 2)  # the guard and initdb
        started = tree(process.pid)
        process.kill()
    eventually(lambda: all(map(is_gone, started)))
    eventually(lambda: not list(tmp_path.iterdir()))
