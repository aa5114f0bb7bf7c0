"""The image, judged: built twice it is the same, and alone, without a shell and with nothing to write, it books.

Run it with `make image-check`, as root on Linux, with buildah and mmdebstrap: it needs a package index and Debian's
packages, and minutes. `python -m tests.image ARCHIVE` judges one that is built already, as `make release` does. The
exit code is 1 when anything is not as it must be.
"""

import json
import re
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.image import ImageError, build
from tests.image.booking import WrongBox, book
from tests.image.box import Box
from worker.local.embedded import EmbeddedError

ROOT = Path(__file__).parents[2]
MOST = 150_000_000  # bytes, compressed
USER = "10001:10001"


class Wrong(Exception):  # noqa: N818 - a finding, not an error of this program
    """Say what is not as it must be."""


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; return the exit code."""
    try:
        with tempfile.TemporaryDirectory() as place:
            say = judge_built(Path(arguments[0]), Path(place)) if arguments else judge_twice(Path(place))
    except (EmbeddedError, ImageError, Wrong, WrongBox) as error:
        print(error)  # noqa: T201
        return 1
    print(say)  # noqa: T201
    return 0


def judge_twice(place: Path) -> str:
    """Build twice in a folder and judge; return what was found. Raises Wrong, and what a build and a booking raise."""
    folders = [place / name for name in ("once", "twice")]
    with ThreadPoolExecutor(len(folders)) as pool:
        once, twice = pool.map(lambda folder: build(folder, own_base=True), folders)
    if once.digest != twice.digest:
        raise Wrong(f"two builds of one commit differ: {once.digest}, {twice.digest}")
    return f"{once.digest} twice, {judge_built(once.archive, place)}"


def judge_built(archive: Path, place: Path) -> str:
    """Judge an archive that has its list of packages beside it; return what was found. Raises as `judge_twice` does."""
    size = archive.stat().st_size
    if size >= MOST:
        raise Wrong(f"{size} bytes are too many")
    listed = judge_list(
        json.loads(archive.with_name(archive.name.replace(".oci.tar", ".image.json")).read_text("utf-8"))
    )
    place.chmod(0o755)  # the image's user must get in
    confirmed = book(Box(place / "root", unpacked(archive, place / "root")))
    return f"{size / 1e6:.0f} MB, {listed} packages listed; alone it has booked {confirmed}"


def judge_list(told: Mapping[str, Any]) -> int:
    """Return how many packages are listed. Raises Wrong: one of the lock is missing, or Debian's."""
    listed = {(one["purl"].partition("/")[0], one["name"], one["version"]) for one in told["components"]}
    lock = (ROOT / "requirements" / "runtime.lock").read_text("utf-8")
    locked = {("pkg:pypi", *one) for one in re.findall(r"^([\w.-]+)(?:\[[^]]*])?==(\S+) \\$", lock, re.MULTILINE)}
    if missing := {name for kind, name, version in locked if (kind, name, version) not in listed}:
        raise Wrong(f"not in the list of the image's packages: {', '.join(sorted(missing))}")
    if not any(name == "python3" for kind, name, _ in listed if kind == "pkg:deb"):
        raise Wrong("the list of the image's packages has none of Debian's")
    return len(listed)


def unpacked(archive: Path, root: Path) -> dict[str, Any]:
    """Unpack the layers one over the other, without a shell; return the configuration. Raises Wrong: it is root's."""
    with tarfile.open(archive) as packed:

        def blob(digest: str) -> Any:
            return packed.extractfile(f"blobs/{digest.replace(':', '/')}")

        [found] = json.load(packed.extractfile("index.json") or sys.stdin)["manifests"]
        manifest = json.load(blob(found["digest"]))
        config: dict[str, Any] = json.load(blob(manifest["config"]["digest"]))["config"]
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer["digest"])) as files:
                files.extractall(root, filter="fully_trusted")  # noqa: S202 - built here
    if config.get("User") != USER:
        raise Wrong(f"it runs as {config.get('User')}")
    for shell in ("bash", "dash", "sh"):
        (root / "usr" / "bin" / shell).unlink()
    return config


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
