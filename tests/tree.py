"""Say in a JUnit file of which tree it is, so that it can be taken for what these tests do in this tree.

With `--junitxml` the file has the property `tree`: a digest of all that git keeps or would keep. A tree that changes
while its tests run has none, nor has one without git.
"""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from _pytest.junitxml import xml_key

ROOT = Path(__file__).parents[1]
PROPERTY = "tree"
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
_BEGUN = pytest.StashKey[str | None]()


def identity(root: Path = ROOT) -> str | None:
    """Return a digest of the files below `root` that git keeps, or that are new and not ignored; None without git."""
    if not (root / ".git").exists():
        return None
    kept = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    digest = hashlib.sha256()
    for name in sorted(set(subprocess.check_output(kept).split(b"\0")) - {b""}):
        path = root / os.fsdecode(name)
        if path.is_symlink():
            kind, content = b"link", os.fsencode(path.readlink())
        elif path.is_file():
            kind, content = b"program" if os.access(path, os.X_OK) else b"file", path.read_bytes()
        else:
            continue
        digest.update(b"%s\0%s\0%d\0" % (name, kind, len(content)) + content)
    return digest.hexdigest()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the tree before a test runs: the process that writes the file does."""
    if xml_key in session.config.stash:
        session.config.stash[_BEGUN] = identity()


@pytest.hookimpl(tryfirst=True)  # the file is written in this hook, too
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Put the tree into the file, if it is the same as at the start and the run came to its end.

    A test that was running when others were stopped stands in the file as one that passed.
    """
    begun = session.config.stash.get(_BEGUN, None)
    if exitstatus not in _ENDED or session.shouldstop or session.shouldfail:
        return
    if begun is not None and begun == identity():
        session.config.stash[xml_key].add_global_property(PROPERTY, begun)
