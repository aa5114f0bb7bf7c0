"""Build the image by buildah, without a daemon: `make image`, `make image ARGS=--own-base` where no registry answers.

Writes an archive, as `docker load`, `podman load` and `skopeo copy` read it, and the list of what is in it. The same
commit makes the same digest: no file has a time of its own, and neither has a compiled one (Dockerfile).
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
NAME = "booking-worker"
OWN_BASE = "localhost/debian-python"
SUITE = "trixie"  # as the base in Dockerfile
PACKAGES = "ca-certificates,python3,python3-venv"
UNUSED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
# A process may not raise its limits above those of the machine, and buildah asks for more than some have.
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
OURS = ("/etc/pip.conf", "/etc/ssl/certs")  # how this machine reaches a package index; nothing of it stays


class ImageError(Exception):
    """Report why there is no image."""


@dataclass(frozen=True)
class Image:
    """What was built."""

    archive: Path
    packages: Path
    digest: str


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="make image", description="Build the image by buildah, without a daemon.")
    parser.add_argument("--base", metavar="IMAGE", help="instead of the one that Dockerfile names")
    parser.add_argument("--own-base", action="store_true", help="make the base here, of Debian's packages")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where it goes (dist)")
    asked = parser.parse_args(arguments)
    try:
        built = build(asked.folder, base=asked.base, own_base=asked.own_base)
    except ImageError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    print(f"{built.archive} ({built.archive.stat().st_size / 1e6:.0f} MB, {built.digest})\n{built.packages}")
    return 0


def build(folder: Path, *, base: str | None = None, own_base: bool = False) -> Image:
    """Build it into a folder.

    Raises:
        ImageError: A program is missing, or has failed.
    """
    if missing := [name for name in ("buildah", *(["mmdebstrap"] if own_base else [])) if not shutil.which(name)]:
        raise ImageError(f"there is no {' and no '.join(missing)}: apt-get install {' '.join(missing)} netavark")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    folder.mkdir(parents=True, exist_ok=True)
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as place:
        buildah = _Buildah(Path(place), _moment())
        if own_base:
            _make_base(buildah, Path(place) / "base")
        options = ["--build-arg", f"BASE={OWN_BASE if own_base else base}"] if own_base or base else []
        options += [word for one in OURS if Path(one).exists() for word in ("--volume", f"{one}:{one}:ro")]
        buildah.build(NAME, ROOT, "--network", "host", "--target", "product", *options)
        archive = folder / f"{NAME}-{version}.oci.tar"
        archive.unlink(missing_ok=True)
        digest = Path(place) / "digest"
        buildah("push", "--quiet", "--digestfile", digest, NAME, f"oci-archive:{archive}:{NAME}:{version}")
        packages = folder / f"{NAME}-{version}.image.json"
        packages.write_text(json.dumps(_listed(buildah.mounted(NAME), version, digest.read_text()), indent=1) + "\n")
        return Image(archive, packages, digest.read_text())


class _Buildah:
    """Buildah with a storage of its own, which is gone when its folder is."""

    def __init__(self, place: Path, moment: str) -> None:
        self.moment = moment
        self._argv = ["buildah", "--root", str(place / "storage"), "--runroot", str(place / "run")]
        self._argv += ["--storage-driver", "vfs"]

    def __call__(self, *words: str | Path) -> str:
        return _run([*self._argv, *map(str, words)], BUILDAH_ISOLATION="chroot")

    def build(self, name: str, context: Path, *options: str) -> None:
        """Build what the Dockerfile of a folder says."""
        self("build", *LIMITS, "--timestamp", self.moment, "--tag", name, *options, context)

    def mounted(self, name: str) -> Path:
        """Return the files of an image."""
        return Path(self("mount", self("from", name).strip()).strip())


def _make_base(buildah: _Buildah, folder: Path) -> None:
    """Make a base of Debian's packages: what Dockerfile asks of one is python3 with venv."""
    folder.mkdir()
    left_out = [f"--dpkgopt=path-exclude={path}" for path in UNUSED]
    command = ["mmdebstrap", "--quiet", "--variant=essential", f"--include={PACKAGES}", *left_out]
    _run([*command, SUITE, str(folder / "base.tar")], SOURCE_DATE_EPOCH=buildah.moment)
    (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n")
    buildah.build(OWN_BASE, folder)


def _listed(root: Path, version: str, digest: str) -> dict[str, Any]:
    """Return what is in the image, as CycloneDX writes it: Debian's packages and Python's."""
    kind, _, content = digest.strip().partition(":")
    itself = {"type": "container", "name": NAME, "version": version}
    itself |= {"hashes": [{"alg": f"SHA-{kind.removeprefix('sha')}", "content": content}]}
    components = [
        {"type": "library", "name": name, "version": number, "purl": f"pkg:{source}/{name}@{number}"}
        for source, name, number in sorted({*_debians(root), *_pythons(root)})
    ]
    told = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    return {**told, "metadata": {"component": itself}, "components": components}


def _debians(root: Path) -> Iterator[tuple[str, str, str]]:
    for package in (root / "var" / "lib" / "dpkg" / "status").read_text("utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in package.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield "deb/debian", fields["Package"], fields["Version"]


def _pythons(root: Path) -> Iterator[tuple[str, str, str]]:
    for found in distributions(path=[str(path) for path in (root / "app" / "lib").glob("python*/site-packages")]):
        yield "pypi", re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(), found.version


def _moment() -> str:
    """Return when the commit was made, in seconds since 1970: the time of all that is built."""
    with suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "log", "-1", "--format=%ct"]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    return os.environ.get("SOURCE_DATE_EPOCH", "315532800")


def _run(command: Sequence[str], **variables: str) -> str:
    ran = subprocess.run(command, env=os.environ | variables, check=False, capture_output=True, text=True)
    if ran.returncode:
        said = "\n".join((ran.stdout + ran.stderr).splitlines()[-20:])
        raise ImageError(f"{' '.join(command[:2])} ... has failed:\n{said}")
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
