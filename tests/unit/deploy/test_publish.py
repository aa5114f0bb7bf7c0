"""Only a release that has booked, and has not changed since, is sent to a package index."""

import importlib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
NAMES = (
    "booking_worker_client-9.8.7-py3-none-any.whl",
    "booking_worker_client-9.8.7.tar.gz",
    "booking_worker-9.8.7-py3-none-any.whl",
    "booking_worker-9.8.7.tar.gz",
)


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the script as `make publish` does."""
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    return importlib.import_module("publish")


@pytest.fixture
def release(publish: Any, tmp_path: Path) -> Path:
    """Make a release that has booked."""
    for name in (*NAMES, "sbom.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text(publish.checksums(tmp_path))
    return tmp_path


def test_the_client_is_sent_first(publish: Any, release: Path) -> None:
    """A worker needs the client of its own version; the list of packages is not for an index."""
    assert [one.name for one in publish.files_of(release)] == list(NAMES)


@pytest.mark.parametrize("name", ["SHA256SUMS", NAMES[0], "sbom.json"])
def test_a_release_that_is_not_whole_is_refused(publish: Any, release: Path, name: str) -> None:
    """Its trial has failed, or a file was lost on the way."""
    (release / name).unlink()

    with pytest.raises(publish.ReleaseError, match="make release"):
        publish.files_of(release)


@pytest.mark.parametrize("name", ["SHA256SUMS", NAMES[2], "new.txt"])
def test_a_release_that_has_changed_is_refused(publish: Any, release: Path, name: str) -> None:
    """Also by one file more."""
    (release / name).write_text("changed")

    with pytest.raises(publish.ReleaseError, match="other files"):
        publish.files_of(release)


@pytest.mark.parametrize("name", [NAMES[0], NAMES[3]])
def test_each_kind_of_file_is_sent(publish: Any, release: Path, name: str) -> None:
    """What a release lacked from its beginning is missed, too."""
    (release / name).unlink()
    (release / "SHA256SUMS").write_text(publish.checksums(release))

    with pytest.raises(publish.ReleaseError, match="once"):
        publish.files_of(release)


def test_an_unknown_name_sends_nothing(publish: Any, release: Path) -> None:
    """A typing error is no release that was sent."""
    files = publish.files_of(release)

    assert publish.chosen(files, None) == files
    assert publish.chosen(files, [NAMES[3], NAMES[1]]) == [files[1], files[3]]
    with pytest.raises(publish.ReleaseError, match="no new"):
        publish.chosen(files, [NAMES[3], "new"])


def test_no_index_is_the_one_that_is_meant(publish: Any, release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A public one takes a name for ever."""
    with pytest.raises(SystemExit):
        publish.main(["--folder", str(release.parent), release.name, "--yes"])

    assert "--index" in capsys.readouterr().err
