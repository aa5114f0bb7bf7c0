"""The locks say exactly what is installed, from nowhere in particular."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
OURS = ("booking-worker", "booking-worker-client")
LOCKS = ("build", "dev", "runtime", "otel", "simulator")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ]+)(?: ; (?P<marker>[^\\]+?))? \\$")


class Pin(NamedTuple):
    """Hold one package's line of a lock and the hashes below it."""

    version: str
    marker: str | None
    hashes: frozenset[str]


def text(lock: str) -> str:
    """Return a lock as it stands."""
    return (ROOT / "requirements" / f"{lock}.lock").read_text("utf-8")


def pins(lock: str) -> dict[str, Pin]:
    """Return a lock's pins by package name."""
    found: dict[str, Pin] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text(lock))[1:]:
        head = PIN.match(block.splitlines()[0])
        assert head, block.splitlines()[0]
        hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))
        found[head["name"]] = Pin(head["version"], head["marker"], hashes)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes(lock: str) -> None:
    """Nobody can put another file in the place of a tested one."""
    found = pins(lock)

    assert len(found) > (0 if lock == "simulator" else 5)
    assert [name for name, pin in found.items() if not pin.hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(lock: str) -> None:
    """Each user's own package index serves; no address, no path, no option about one."""
    assert re.findall(r"://|index|find-links|trusted-host|^-|file:", text(lock), re.MULTILINE) == []


def test_the_image_runs_what_the_tests_ran_on() -> None:
    """The locks of all images are a part of the lock that the tests ran with, to the hash."""
    tested = pins("dev")
    images = pins("runtime") | pins("otel") | pins("simulator")

    assert {name: pin for name, pin in images.items() if tested.get(name) != pin} == {}


def test_build_and_dev_locks_can_be_installed_together() -> None:
    """`make setup` hands both to pip at once, and pip refuses two versions of one package."""
    dev = pins("dev")

    assert {name for name, pin in pins("build").items() if name in dev and dev[name] != pin} == set()


def test_the_locks_follow_pyproject() -> None:
    """A dependency that was added or raised without `make lock` is noticed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = {"build": project["build-system"]["requires"]}
    wanted["runtime"] = [*project["project"]["dependencies"], *extras["http"]]
    wanted["dev"] = [*wanted["runtime"], *extras["embedded"], *extras["otel"], *extras["dev"]]
    wanted["otel"] = [*wanted["runtime"], *extras["otel"]]

    for lock, lines in wanted.items():
        found = pins(lock)
        for one in map(Requirement, lines):
            pin = found.get(canonicalize_name(one.name))
            assert one.name in OURS or (pin and one.specifier.contains(pin.version)), f"{lock}: {one}"


def test_what_is_pinned_is_what_is_installed() -> None:
    """The tests speak of the pinned versions; after a pull, `make setup` brings them."""
    wrong = {}
    for name, pin in (pins("dev") | pins("build")).items():
        if pin.marker is None or Marker(pin.marker).evaluate():
            try:
                installed = version(name)
            except PackageNotFoundError:
                installed = "missing"
            if installed != pin.version:
                wrong[name] = f"{installed}, pinned {pin.version}"

    assert wrong == {}


# Runs in an interpreter of its own: what the image does not have cannot be imported, then every module of ours is.
WITHOUT_THE_REST = """
import importlib, pkgutil, sys
from importlib.metadata import packages_distributions

image = set(sys.argv[1].split())
absent = {
    module
    for module, owners in packages_distributions().items()
    if not image & {owner.lower().replace("_", "-") for owner in owners}
}

class NotInTheImage:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, NotInTheImage())
for name in ("kombu.transport.redis", "kombu.transport.pyamqp", "celery.bin.celery", "celery.beat", "flower.command"):
    importlib.import_module(name)
for package in sys.argv[2].split():
    folder = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(folder, package + "."):
        if not module.name.startswith("db.migrations") and not module.name.endswith(("__main__", "pytest_plugin")):
            importlib.import_module(module.name)
"""


@pytest.mark.variants
@pytest.mark.parametrize(
    ("locks", "packages"),
    [(("runtime",), "worker tasks resilience db booking_client"), (("runtime", "simulator"), "simulator")],
    ids=["product", "simulator"],
)
def test_the_image_lacks_nothing(locks: tuple[str, ...], packages: str) -> None:
    """Each program and what it loads by name run on the locks of its image alone, without the tests' packages."""
    image = " ".join([*OURS, *(name for lock in locks for name in pins(lock))])

    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST, image, packages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.stderr == ""
