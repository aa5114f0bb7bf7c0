"""A release that `make publish` sends to a package index of its own: pip gets from there, by name, what has booked."""

import base64
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.hosts.environments import PIP, ROOT, Environment, Wrong, command, plain
from tests.running.waiting import eventually
from worker.local.embedded.server import HOST, free_port

INDEX = ("pypiserver[passlib]>=2.4,<3", "twine>=6.1,<8")
USER, PASSWORD = "release", "correct horse"
ORDER = ("worker_client-*.whl", "worker_client-*.tar.gz", "worker-*.whl", "worker-*.tar.gz")


def judge_published(environment: Environment, wheels: Sequence[Path]) -> str:
    """Raise Wrong: the index gets a file too early, too few, or others, or pip gets others from it."""
    environment.make()
    release, kept = environment.folder / "dist" / "1", environment.folder / "kept"
    names = _release(release, wheels)
    kept.mkdir()
    with _index(environment, kept) as url:
        _send(environment, url, PASSWORD)
        _expect(kept, [], "was told to send nothing")
        _send(environment, url, "wrong", "--yes", refused=True)
        _expect(kept, [], "knows another password")
        taken = kept / names[2]
        taken.write_text("of somebody else")
        left = _send(environment, url, PASSWORD, "--yes", refused=True).rpartition("--only ")[2].rstrip("'\n").split()
        _expect(kept, names[:3], "has one file already, and takes it from nobody")
        taken.unlink()
        _send(environment, url, PASSWORD, "--yes", "--only", *left)
        _expect(kept, names, "was to get the others")
        got = environment.folder / "got"
        named = ["==".join(wheel.name.split("-")[:2]) for wheel in wheels]
        pip = [environment.python, "-m", *PIP, "download", "--no-deps", "--no-cache-dir", "--only-binary", ":all:"]
        command([*pip, "--index-url", f"{url}/simple/", "--dest", got, *named])
    _expect(got, [wheel.name for wheel in wheels], "has wheels for pip")
    for path in (*kept.iterdir(), *got.iterdir()):
        if path.read_bytes() != (release / path.name).read_bytes():
            raise Wrong(f"{path} is not the file that was sent")
    return f"an index has {', '.join(names)}, as they were sent, and pip gets both by name"


def _release(folder: Path, wheels: Sequence[Path]) -> list[str]:
    """Make a release of both wheels, their sdists and checksums; return the names in the order of sending."""
    folder.mkdir(parents=True)
    for wheel in wheels:
        shutil.copy(wheel, folder)
    for source in (ROOT / "client", ROOT):
        command([sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder], cwd=source)
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    (folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    return [path.name for kind in ORDER for path in folder.glob(f"booking_{kind}")]


def _send(environment: Environment, url: str, password: str, *options: str, refused: bool = False) -> str:
    """Return what the command says. Raises Wrong: it fails and should not, or the other way round."""
    script = [environment.python, ROOT / "deploy" / "publish.py", "1", "--folder", environment.folder / "dist"]
    given = plain() | {"TWINE_USERNAME": USER, "TWINE_PASSWORD": password}
    try:
        said = command([*script, "--index", url, *options], environment=given)
    except Wrong as wrong:
        if refused and "publish: the index has not taken it" in str(wrong):
            return str(wrong)
        raise
    if refused:
        raise Wrong(f"this was no failure:\n{said}")
    return said


def _expect(folder: Path, names: Sequence[str], why: str) -> None:
    found = sorted(path.name for path in folder.iterdir())
    if found != sorted(names):
        raise Wrong(f"an index that {why} has {found}")


@contextmanager
def _index(environment: Environment, kept: Path) -> Iterator[str]:
    """Run a package index of one user until the end of the block."""
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    users = environment.folder / "users"
    users.write_text(f"{USER}:{{SHA}}{digest}\n")  # as htpasswd writes it
    port = free_port()
    where = ("--interface", HOST, "--port", str(port), "--disable-fallback", "--log-stream", "none")
    argv = [environment.python, "-m", "pypiserver", "run", *where, "--passwords", users, kept]
    server = subprocess.Popen(argv, env=plain(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://{HOST}:{port}"
    try:
        eventually(lambda: _answers(url), what="the index answers")
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
