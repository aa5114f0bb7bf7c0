"""The guard: a small process that runs servers, and ends them when its parent has ended, also by `kill -9`.

Runs as a script (`python -I -S guard.py PARENT_PID`) with the standard library alone, in a session of its own, so that
Ctrl-C at the terminal reaches its parent and not the servers. One JSON object a line on standard input, one answer a
line on standard output. The end of standard input is the order to end: the kernel closes a pipe for every death,
`kill -9` included. A parent that forked may leave the pipe open, so the parent's pid is watched too.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

STOPPED_SECONDS = 2.0  # how long a stopped process may take: each of its threads stops when it runs next
PARENT_CHECK_MS = 1000  # how late a dead parent may be noticed when a forked child of it still holds the pipe
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
IPC_RMID = 0  # linux/ipc.h

LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None) if LINUX else None


def _prctl(option: int, value: int) -> None:
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def _children() -> dict[int, list[int]]:
    """Return the children of each process; nothing where there is no /proc (there the servers end their own)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat") if LINUX else ():
        with contextlib.suppress(OSError):  # it ended meanwhile
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    return children


def _tree(root: int) -> list[int]:
    """List a process and all below it, of one reading: each reads every process of the machine."""
    children, tree = _children(), [root]
    for pid in tree:
        tree += children.get(pid, ())
    return tree


def _is_stopped(pid: int) -> bool:
    """Return whether no thread of a process runs: SIGSTOP is taken by one thread, and that one stops the others."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if stat.read_text().rpartition(")")[2].split()[0] not in "TtZX":
                return False
    return True


def _forget_memory(creator: int) -> None:
    """Remove the shared memory segments of a dead process: a killed Postgres cannot do it itself."""
    table = Path("/proc/sysvipc/shm")
    for line in table.read_text().splitlines()[1:] if table.exists() else ():
        _, segment, _, _, creator_pid, _, attached, *_ = line.split()
        if int(creator_pid) == creator and attached == "0" and _libc is not None:
            _libc.shmctl(int(segment), IPC_RMID, None)


class GuardedProcess:
    """One server that the guard runs, and the steps that end it: a signal, then patience in seconds."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.asked_at = 0.0  # monotonic
        self.steps = [(signal.Signals[name], float(patience)) for name, patience in order.get("end", [])]
        uid, gid = order.get("user") or (None, None)
        with Path(order["log"]).open("ab") as log:
            self.process = subprocess.Popen(
                order["argv"],
                cwd=order["cwd"],
                env=order["env"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                umask=0o077,
                start_new_session=True,
                preexec_fn=self._die_with_guard(os.getpid()),  # noqa: PLW1509 - the guard has one thread
            )
        stdin = self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # the server ended at once; a caller that waits for it notices
            if stdin:
                stdin.write(order.get("input", "").encode())
                stdin.close()

    def _die_with_guard(self, guard: int) -> Callable[[], None]:
        """Return a hook that asks the kernel to end the server if the guard is killed; run after the change of user."""
        first = self.steps[0][0] if self.steps else signal.SIGKILL

        def prepare() -> None:
            _prctl(PR_SET_PDEATHSIG, first)
            if os.getppid() != guard:
                os._exit(1)

        return prepare

    def send(self, number: int) -> None:
        """Signal the server and everything below it: a stopped server with running children is not stopped.

        After SIGSTOP none of their threads runs any more: a busy machine stops them only when it lets them run.
        """
        if self.process.poll() is None:
            tree = _tree(self.process.pid)
            for pid in tree:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            until = time.monotonic() + STOPPED_SECONDS
            while number == signal.SIGSTOP and not all(map(_is_stopped, tree)) and time.monotonic() < until:
                self.wait(0.001)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, or None if it still runs after so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)
        return None

    def ask(self) -> None:
        """Take the first step of ending it, without waiting."""
        self.send(signal.SIGCONT)
        self.asked_at = time.monotonic()
        if self.steps and self.process.poll() is None:
            self.process.send_signal(self.steps[0][0])

    def finish(self) -> None:
        """Wait out the first step, take the others, and kill what is left."""
        begun = self.asked_at  # patience runs for all servers at once
        for number, (step, patience) in enumerate(self.steps):
            if number:
                begun = time.monotonic()
                self.process.send_signal(step)
            if self.wait(max(0.0, begun + patience - time.monotonic())) is not None:
                return
        self.send(signal.SIGKILL)
        self.process.wait()


class GuardService:
    """Obey the parent's orders, until the parent has ended."""

    def __init__(self, parent: int) -> None:
        self.parent = parent
        self.guarded: dict[str, GuardedProcess] = {}
        self.folders: list[str] = []
        self.pending = b""

    def serve(self) -> None:
        """Answer orders until standard input ends, the parent has died, or an answer cannot be written."""
        for line in self._lines():
            try:
                answer = self._obey(json.loads(line))
            except (OSError, ValueError, KeyError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            try:
                os.write(1, json.dumps(answer).encode() + b"\n")
            except BrokenPipeError:
                return

    def _lines(self) -> Iterator[bytes]:
        poll = select.poll()
        poll.register(0, select.POLLIN | select.POLLHUP)
        while os.getppid() == self.parent:
            if not poll.poll(PARENT_CHECK_MS):
                continue
            read = os.read(0, 65536)
            if not read:
                return
            *lines, self.pending = (self.pending + read).split(b"\n")
            yield from lines

    def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "folder":  # the guard makes the folder, so that it can always remove it
                folder = tempfile.mkdtemp(prefix="booking-", dir=order.get("below"))
                self.folders.append(folder)
                return {"folder": folder}
            case "start":
                if (old := self.guarded.get(order["name"])) and old.process.poll() is None:
                    raise ValueError(f"{order['name']} runs already")
                guarded = self.guarded[order["name"]] = GuardedProcess(order)
                return {"pid": guarded.process.pid}
            case "wait":
                return {"code": self.guarded[order["name"]].wait(order["seconds"])}
            case "signal":
                self.guarded[order["name"]].send(signal.Signals[order["signal"]])
                return {}
            case "end":
                self._end([self.guarded[order["name"]]])
                return {}
        raise ValueError(f"unknown order {order['do']}")

    def _end(self, servers: list[GuardedProcess]) -> None:
        for guarded in servers:
            guarded.ask()
        for guarded in servers:
            guarded.finish()
        self._reap_orphans()
        for guarded in servers:
            _forget_memory(guarded.process.pid)

    def _reap_orphans(self) -> None:
        """Kill what dead servers left behind; as a subreaper the guard has become its parent."""
        known = {guarded.process.pid for guarded in self.guarded.values()}
        while orphans := [pid for pid in _children().get(os.getpid(), ()) if pid not in known]:
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)

    def close(self) -> None:
        """End every server and remove every folder that was made here."""
        self._end(list(reversed(self.guarded.values())))
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> NoReturn:
    """Guard until the parent has ended."""
    # Caught, not ignored: an ignored signal would stay ignored in the servers.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    guard = GuardService(int(sys.argv[1]))
    try:
        guard.serve()
    finally:
        guard.close()
    sys.exit(0)


if __name__ == "__main__":
    main()
