"""The client is a distribution of its own: what its wheel holds, asks for, and agrees on with the product."""

import subprocess
import sys
import tomllib
from email.parser import Parser
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from booking_client.request.fields import zones

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "client"
PRODUCT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text("utf-8"))["project"]
# Runs in an interpreter of its own: what a caller does not have cannot be imported.
A_CALLERS = """
import sys

class NotACallers:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split():
            raise ModuleNotFoundError(f"{name} is not a caller's", name=name)

sys.meta_path.insert(0, NotACallers())
sys.path.insert(0, sys.argv[2])
import booking_client, booking_client.testing
assert dir(booking_client) == booking_client.__all__
for name in booking_client.__all__:
    getattr(booking_client, name)
request = booking_client.BookingRequest.parse({
    "event_type_id": 1, "start": "2090-01-01T00:00:00Z",
    "attendee": {"name": "Ann", "email": "a@example.com", "phone_number": "+12025550143", "time_zone": "Europe/Berlin"},
})
print(booking_client.testing.FakeBookings().enqueue(request).status, booking_client.__file__)
"""
NOT_A_CALLERS = "worker tasks db resilience simulator sqlalchemy celery kombu redis alembic structlog tzdata requests"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the client's wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=CLIENT, check=True, capture_output=True, timeout=120)
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Its statements, its list of zones, its types and its licence."""
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(CLIENT).as_posix()
        for path in (CLIENT / "booking_client").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert names == here
    assert {"booking_client/py.typed", "booking_client/sql/insert.sql", "booking_client/request/zones.txt"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in ZipFile(wheel).namelist())


def test_the_metadata_names_no_address(wheel: Path) -> None:
    """It is typed, brings pytest's fixtures, and says what it needs."""
    built = ZipFile(wheel)
    [info] = {name.partition("/")[0] for name in built.namelist() if ".dist-info/" in name}
    told = Parser().parsestr(built.read(f"{info}/METADATA").decode())

    assert (told["Name"], told["License-Expression"]) == ("booking-worker-client", "MIT")
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    assert [told[name] for name in ("Home-page", "Project-URL", "Author-email", "Maintainer-email")] == [None] * 4
    assert "booking_client.pytest_plugin" in built.read(f"{info}/entry_points.txt").decode()


def test_a_caller_needs_none_of_the_product(wheel: Path) -> None:
    """Every name is there, and the client in memory works, from the wheel alone and without the product's libraries."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", A_CALLERS, NOT_A_CALLERS, str(wheel)],
        cwd=wheel.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.stderr == ""
    assert ran.stdout.startswith(f"pending {wheel}")


def test_product_and_client_are_one_release() -> None:
    """The same code runs in both, so one number stands for both."""
    [asked] = [one for one in map(Requirement, PRODUCT["dependencies"]) if one.name == "booking-worker-client"]

    assert PROJECT["version"] == PRODUCT["version"]
    assert str(asked.specifier) == f"=={PRODUCT['version']}"


def test_a_caller_may_have_what_the_product_has() -> None:
    """The client's ranges are at least as wide as the product's."""
    asked = {one.name for one in map(Requirement, PROJECT["dependencies"])}

    assert asked == {"email-validator", "phonenumberslite", "psycopg", "pydantic"}


def test_the_zones_are_those_of_the_pinned_tzdata() -> None:
    """A newer one has other zones: copy its list into zones.txt."""
    newest = files("tzdata").joinpath("zones").read_text("utf-8").split()

    assert (CLIENT / "booking_client" / "request" / "zones.txt").read_text("utf-8").split() == newest
    assert "Europe/Berlin" in zones()
