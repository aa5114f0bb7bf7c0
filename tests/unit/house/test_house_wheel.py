"""What is built of this repository: all that the product reads beside its modules, its licences, its metadata."""

import subprocess
import sys
import tarfile
import tomllib
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db", "simulator")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME = f"booking_worker-{PROJECT['version']}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build wheel and sdist once."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


def test_the_wheel_has_every_file_of_the_packages(built: Path) -> None:
    """Flower shows the page, and Redis is given its scripts, wherever the wheel is installed."""
    [wheel] = built.glob("*.whl")
    packed = set(ZipFile(wheel).namelist())
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {Path(name).suffix for name in here} >= {".py", ".sql", ".lua", ".html", ".css", ".js"}
    assert here - packed == set()


def test_wheel_and_sdist_carry_each_licence(built: Path) -> None:
    """Ours, and that of each library that is shipped with the page."""
    licences = PROJECT["license-files"]
    vendored = {str(path.relative_to(ROOT)) for path in (ROOT / "worker").rglob("LICENSE")}
    wheel = ZipFile(built / f"{NAME}-py3-none-any.whl").namelist()
    with tarfile.open(built / f"{NAME}.tar.gz") as sdist:
        source = sdist.getnames()

    assert set(licences) == {"LICENSE", *vendored}
    assert {f"{NAME}.dist-info/licenses/{licence}" for licence in licences} <= set(wheel)
    assert {f"{NAME}/{licence}" for licence in licences} <= set(source)


def test_the_metadata_names_no_address(built: Path) -> None:
    """The version, the licence and the words to find it by are true; no address of the project is known."""
    wheel = ZipFile(built / f"{NAME}-py3-none-any.whl")
    told = Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())

    assert (told["Name"], told["Version"], told["License-Expression"]) == ("booking-worker", PROJECT["version"], "MIT")
    assert told["Keywords"]
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    assert [told[name] for name in ("Home-page", "Project-URL", "Author-email", "Maintainer-email")] == [None] * 4


def test_the_sbom_is_of_what_the_image_holds() -> None:
    """Of the same lock that the Dockerfile installs, written where a release is built."""
    command = subprocess.check_output(["make", "-n", "--no-print-directory", "-C", str(ROOT), "sbom"], text=True)  # noqa: S607
    image = (ROOT / "Dockerfile").read_text("utf-8")

    assert "ARG LOCK=runtime" in image
    assert command.rstrip().endswith("requirements/runtime.lock")
    assert "--output-file dist/sbom.json" in command
