"""What a process has computed, it and all that it has started."""

import os
from collections.abc import Iterator
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def computed(pid: int | None = None) -> float:
    """Return the seconds of a core that a process, this one unless named, and all below it have used, ended ones too.

    Where there is no /proc, those of this process and of what it has waited for.
    """
    if not Path("/proc/self/stat").exists():
        return sum(os.times()[:4])
    return sum(_used(one) for one in _tree(pid or os.getpid()))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - thousands of times a run
            with open(f"/proc/{pid}/task/{task}/children") as children:  # noqa: PTH123 - the same
                below = children.read().split()
            for child in below:
                yield from _tree(int(child))
    except OSError:  # it has ended meanwhile
        return


def _used(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - the same
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK  # utime, stime, and those of the children that it has waited for
