"""What a run keeps in memory: all that is temporary, and the tests that it has read."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY, ENOUGH = Path("/dev/shm"), 4 << 30  # noqa: S108 - private folders below it; bytes for all that is made there


def pytest_configure() -> None:
    """Have all that is temporary in memory where there is room, unless TMPDIR says where.

    A database is 330 files, and to find inodes for those of 1,200 databases was a fifth of all the tests' work (ext4
    takes none that was in use within five seconds, and looks at each); so it is with servers that come and go.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():  # noqa: TID251 - the tests' own, and so their processes'
        return
    if not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)  # noqa: TID251 - the same


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the collector away while tests are read: nothing is garbage yet, and to look took a fifth of that."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Keep the collector from walking all collected tests, which stay to the end; and let it come less often."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a twentieth of all that the tests' own processes did, at Python's 700, 10, 10
