"""A release has one version in all of its places, its own notes, and checksums of all that it consists of."""

import hashlib
import importlib
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PLACES = (
    "pyproject.toml",
    "client/pyproject.toml",
    "deploy/kubernetes/kustomization.yaml",
    "deploy/kubernetes/Chart.yaml",
)
DAY = date(2030, 3, 1)


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the script as `make release` does."""
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    return importlib.import_module("release")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the files that name a version."""
    for name in PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.0.1 (2029-01-01)\n\n- Old.\n"
    )
    return tmp_path


@pytest.mark.parametrize("version", ["9.8.7", "9.8.7rc1"])
def test_a_version_is_written_to_all_of_its_places(release: Any, tree: Path, version: str) -> None:
    """The client that a worker wants is the one of the same release, and the changelog has an empty head again."""
    release.name_version(tree, version, DAY)

    said = (tree / "CHANGELOG.md").read_text()
    assert release.version_of(tree) == version
    assert f'"booking-worker-client=={version}"' in (tree / "pyproject.toml").read_text()
    assert f"newTag: {version}\n" in (tree / PLACES[2]).read_text()
    assert f"version: {version.replace('rc', '-rc')}\nappVersion: {version}\n" in (tree / PLACES[3]).read_text()
    assert f"## Unreleased\n\n## {version} (2030-03-01)\n\n- New.\n" in said
    assert (release.notes_of(said, version), release.notes_of(said, "0.0.1")) == ("- New.\n", "- Old.\n")


@pytest.mark.parametrize("version", ["new", "1.2", "0.0.1", "1.2.3; rm"])
def test_what_is_no_new_version_changes_nothing(release: Any, tree: Path, version: str) -> None:
    """Also one that the changelog has."""
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}

    with pytest.raises(release.ReleaseError):
        release.name_version(tree, version, DAY)

    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


def test_distributions_of_two_versions_are_no_release(release: Any, tree: Path) -> None:
    """A worker of one would install a client of the other."""
    path = tree / "client" / "pyproject.toml"
    path.write_text(path.read_text().replace('version = "', 'version = "7.', 1))

    with pytest.raises(release.ReleaseError, match="different versions"):
        release.version_of(tree)


def test_each_file_has_its_checksum(release: Any, tmp_path: Path) -> None:
    """As `sha256sum --check` reads them."""
    (tmp_path / "b.whl").write_bytes(b"b")
    (tmp_path / "a.tar.gz").write_bytes(b"a")
    (tmp_path / "SHA256SUMS").write_text("of before")

    wanted = [f"{hashlib.sha256(text).hexdigest()}  {name}" for text, name in ((b"a", "a.tar.gz"), (b"b", "b.whl"))]
    assert release.checksums(tmp_path).splitlines() == wanted


@pytest.mark.parametrize("error", ["", "lost a booking"])
def test_only_what_has_booked_gets_checksums(
    release: Any, tree: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """`make publish` sends no folder without them."""

    def try_it(folder: Path) -> None:
        assert (folder / "a.whl").read_text() == "a"
        if error:
            raise release.ReleaseError(error)

    monkeypatch.setattr(release, "ROOT", tree)
    monkeypatch.setattr(release, "_output", lambda *_: "")
    monkeypatch.setattr(release, "_build", lambda folder: (folder / "a.whl").write_text("a"))
    monkeypatch.setattr(release, "try_release", try_it)

    assert release.main(["9.8.7"]) == (1 if error else 0)

    folder = tree / "dist" / "9.8.7"
    names = {"a.whl", "NOTES.md"} | (set() if error else {"SHA256SUMS"})
    assert {path.name for path in folder.iterdir()} == names


def test_the_new_version_is_no_package_of_the_list(
    release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each make gets the variables of the one that has started it."""
    monkeypatch.setenv("MAKEFLAGS", " -- ARGS=9.8.7")
    ran: list[str] = []

    def show(command: list[str], **given: Any) -> None:
        ran.append(subprocess.run([*command, "--dry-run"], **given, check=True, capture_output=True, text=True).stdout)

    monkeypatch.setattr(release, "_run", show)
    monkeypatch.setattr(release.shutil, "move", lambda *_: None)

    release.list_packages(tmp_path)

    [said] = ran
    assert "requirements/runtime.lock" in said
    assert "9.8.7" not in said


@pytest.mark.parametrize("images", [0, 1])
def test_an_image_is_tried_as_the_wheels_are(
    release: Any, tree: Path, monkeypatch: pytest.MonkeyPatch, images: int
) -> None:
    """A release may lack it, and then says nothing of it."""
    ran: list[list[str]] = []
    folder = tree / "dist"
    archives = [str(folder / "booking-worker-9.8.7.oci.tar")] * images
    for name in ("examples", "dist"):
        (tree / name).mkdir()
    for path in (folder / "booking_worker_client-9.8.7-py3.whl", folder / "booking_worker-9.8.7-py3.whl", *archives):
        Path(path).touch()
    monkeypatch.setattr(release, "ROOT", tree)
    monkeypatch.setattr(release, "_run", lambda command, **_: ran.append(command))
    monkeypatch.setattr(
        release.venv, "create", lambda place, **_: (Path(place) / "lib/python3/site-packages").mkdir(parents=True)
    )

    release.try_release(folder)

    assert [command[1:] for command in ran if "booking" in command[0]] == [["demo"]]
    assert [command[1:] for command in ran if "tests.image" in command] == [
        ["-m", "tests.image", one] for one in archives
    ]
