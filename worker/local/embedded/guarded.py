"""The parent's end of the guard: starts it, sends it orders, and closes it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from worker.local.embedded import guard as script
from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.find import User

CLOSE_SECONDS = 60.0  # all steps of all servers end before


class Guard:
    """Start the guard process; processes that it starts end when this process ends, also by `kill -9`.

    `keep` is a file descriptor that the guard holds open for as long as it lives (a lock). Use as a context manager.
    """

    def __init__(self, keep: int | None = None) -> None:
        self._lock = threading.Lock()
        self._folders: list[Path] = []
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", script.__file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            pass_fds=() if keep is None else (keep,),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Return the guard's process id."""
        return self._process.pid

    def folder(self, below: str | None = None) -> Path:
        """Return a new private folder, in `below` or the system's temporary folder; the guard removes it at the end."""
        folder = Path(self._order("folder", below=below)["folder"])
        self._folders.append(folder)
        return folder

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        text: str = "",
        user: User | None = None,
        end: Sequence[tuple[str, float]] = (("SIGTERM", 5.0),),
    ) -> int:
        """Start a process and return its pid. `text` is its standard input; `end`: signals and patience in seconds."""
        order = {
            "name": name,
            "argv": list(argv),
            "cwd": str(cwd),
            "env": dict(env),
            "log": str(log),
            "input": text,
            "user": user and [user.uid, user.gid],
            "end": list(end),
        }
        return int(self._order("start", **order)["pid"])

    def wait(self, name: str, seconds: float) -> int | None:
        """Return the process's exit code, or None if it still runs after so many seconds."""
        code: int | None = self._order("wait", name=name, seconds=seconds)["code"]
        return code

    def signal(self, name: str, signal: str) -> None:
        """Send a signal such as `SIGSTOP` to the process and everything below it."""
        self._order("signal", name=name, signal=signal)

    def end(self, name: str) -> None:
        """End one process by its steps, then by SIGKILL."""
        self._order("end", name=name)

    def close(self) -> None:
        """Let the guard end everything, and wait for it. Safe to call twice."""
        self._hang_up()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its servers get the kernel's parent-death signal
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()
        for folder in self._folders:  # only if the guard was killed
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def _order(self, do: str, **what: Any) -> dict[str, Any]:
        with self._lock:
            try:
                line = self._exchange(json.dumps({"do": do, **what}).encode() + b"\n")
            except (BrokenPipeError, ValueError):  # ValueError: closed
                line = b""
            except BaseException:  # Ctrl-C: the next answer would belong to this order
                self._hang_up()
                raise
        if not line:
            raise EmbeddedError("the guard of the embedded servers has ended; start them again")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EmbeddedError(answer["error"])
        return answer

    def _exchange(self, line: bytes) -> bytes:
        if self._process.stdin is None or self._process.stdout is None:
            return b""
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()
