"""Build a release in dist/VERSION, and see that it books: `make release`, `make release ARGS=0.2.0` a new version.

Both wheels and sdists, the chart, the image where its tools are there, the lists of packages, notes, and checksums. The
wheels are installed in an environment that has nothing else, and the demo runs from there; the image books by itself.
Nothing is published, and no tag is made.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGE_TOOLS = ("buildah", "mmdebstrap")
HEAD = "## Unreleased\n"
SUMS = "SHA256SUMS"
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_PLACES = {  # each is there once
    "pyproject.toml": ('version = "{}"\n', '"booking-worker-client=={}"'),
    "client/pyproject.toml": ('version = "{}"\n',),
    "deploy/kubernetes/kustomization.yaml": ("newTag: {}\n",),
    "deploy/kubernetes/Chart.yaml": ("version: {semver}\nappVersion: {}\n",),
}


class ReleaseError(Exception):
    """Report why there is no release."""


def main(arguments: Sequence[str]) -> int:
    """Build and try; return the exit code."""
    try:
        folder = _release(arguments[0] if arguments else None)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    image = ", and so has its image" if list(folder.glob("*.oci.tar")) else "; it has no image"
    print(f"dist/{folder.name} is a release: its wheels have booked alone{image}. The tag is yours to make.")
    return 0


def _release(new: str | None) -> Path:
    if _output("git", "status", "--porcelain"):
        raise ReleaseError("the tree has changes: commit or remove them first")
    if new is not None:
        name_version(ROOT, new, datetime.now(UTC).date())
    version = version_of(ROOT)
    notes = notes_of((ROOT / "CHANGELOG.md").read_text("utf-8"), version)
    folder = ROOT / "dist" / version
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _build(folder)
    (folder / "NOTES.md").write_text(notes, "utf-8")
    sums = checksums(folder)
    try_release(folder)
    (folder / SUMS).write_text(sums, "utf-8")  # last: `make publish` sends nothing without it
    return folder


def name_version(root: Path, version: str, day: date) -> None:
    """Write a version into both distributions and what is deployed, and as the changelog's newest one.

    Raises:
        ReleaseError: It is no version, or there is nothing that it would release; nothing was written.
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version, as 0.2.0 or 0.2.0rc1")
    changelog = root / "CHANGELOG.md"
    said = changelog.read_text("utf-8")
    if f"\n## {version} (" in said or not notes_of(said, "Unreleased").strip():
        raise ReleaseError(f"CHANGELOG.md has {version} already, or nothing under Unreleased")
    old, written = version_of(root), {changelog: said.replace(HEAD, f"{HEAD}\n## {version} ({day})\n", 1)}
    for name, lines in _PLACES.items():
        text = (root / name).read_text("utf-8")
        for line in lines:
            was, becomes = (line.format(one, semver=semver_of(one)) for one in (old, version))
            if text.count(was) != 1:
                raise ReleaseError(f"{name} has not {was.strip()!r} once")
            text = text.replace(was, becomes)
        written[root / name] = text
    for path, text in written.items():
        path.write_text(text, "utf-8")


def version_of(root: Path) -> str:
    """Return the version of both distributions.

    Raises:
        ReleaseError: They differ.
    """
    both = {str(tomllib.loads((root / one).read_text("utf-8"))["project"]["version"]) for one in list(_PLACES)[:2]}
    if len(both) != 1:
        raise ReleaseError(f"the distributions have different versions: {', '.join(sorted(both))}")
    return both.pop()


def semver_of(version: str) -> str:
    """Return a version as Helm wants a chart's: 0.2.0-rc1."""
    return re.sub("(a|b|rc)", r"-\1", version)


def notes_of(changelog: str, version: str) -> str:
    """Return what a version changed.

    Raises:
        ReleaseError: The changelog has no such version.
    """
    found = re.search(
        rf"^## {re.escape(version)}(?: \([\d-]+\))?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise ReleaseError(f"CHANGELOG.md has no {version}")
    return found[1].strip() + "\n"


def checksums(folder: Path) -> str:
    """Return the folder's files with their SHA-256, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def _build(folder: Path) -> None:
    """Build both distributions; each sdist builds the same wheel."""
    dated = {**os.environ, "SOURCE_DATE_EPOCH": _output("git", "log", "-1", "--format=%ct").strip()}
    for source in (ROOT / "client", ROOT):
        _run([sys.executable, "-m", "hatchling", "build", "--directory", str(folder)], cwd=source, env=dated)
    with tempfile.TemporaryDirectory() as again:
        for sdist in folder.glob("*.tar.gz"):
            options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", again)
            _run([sys.executable, "-m", "pip", "wheel", *options, str(sdist)], env=dated)
        for wheel in folder.glob("*.whl"):
            if (Path(again) / wheel.name).read_bytes() != wheel.read_bytes():
                raise ReleaseError(f"the sdist of {wheel.name} builds another wheel")
    list_packages(folder)
    _run([sys.executable, str(ROOT / "deploy" / "helm.py"), "package", str(folder)])
    if os.geteuid() or not all(map(shutil.which, IMAGE_TOOLS)):
        print(f"  left out: the image, which needs root, {' and '.join(IMAGE_TOOLS)} (apt-get install)")
    else:
        _run([sys.executable, str(ROOT / "deploy" / "image.py"), "--own-base", "--folder", str(folder)])


def list_packages(folder: Path) -> None:
    """Write the list of packages of the lock into a folder."""
    _run(["make", "--no-print-directory", "sbom", "ARGS="], cwd=ROOT)  # else those of `make release`: the version
    shutil.move(ROOT / "dist" / "sbom.json", folder / "sbom.json")


def try_release(folder: Path) -> None:
    """Install both wheels in an environment that has nothing else, run the demo from there, and book by the image.

    Raises:
        ReleaseError: One of them has failed.
    """
    [client] = folder.glob("booking_worker_client-*.whl")
    [worker] = folder.glob("booking_worker-*.whl")
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # root runs PostgreSQL as somebody else, who must get in
        venv.create(place, with_pip=True)
        found = Path(place) / "bin"
        wanted = [str(client), f"{worker}[embedded,http]"]
        _run([str(found / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        [packages] = Path(place).glob("lib/python*/site-packages")
        shutil.copytree(ROOT / "examples", packages / "examples")  # what the demo books; no package has it
        alone = {"PATH": os.defpath, "HOME": place, "TMPDIR": tempfile.gettempdir()}
        _run([str(found / "booking"), "demo"], cwd=Path(place), env=alone)
    for image in folder.glob("*.oci.tar"):
        _run([sys.executable, "-m", "tests.image", str(image)], cwd=ROOT)


def _run(command: Sequence[str], **given: object) -> None:
    print(f"  {Path(command[0]).name} {' '.join(command[1:4])}", flush=True)
    if subprocess.run(command, check=False, **given).returncode:  # type: ignore[call-overload]
        raise ReleaseError(f"{' '.join(command[:4])} ... has failed")


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
