"""The site has every document, and each of their links leads to a page or a picture of the site."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the script as `make site` does."""
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    return importlib.import_module("pages")


def test_each_link_leads_to_something_of_the_site(pages: Any, tmp_path: Path) -> None:
    """Files of the code and folders, too; what is on another site stays."""
    pages.gather(tmp_path)

    written = [path for path in tmp_path.rglob("*.md") if "source" not in path.relative_to(tmp_path).parts]
    links = [(path, link[1]) for path in written for link in LINK.finditer(path.read_text("utf-8"))]
    assert {path.name for path in (ROOT / "docs").glob("*.md")} | {"index.md"} <= {path.name for path in written}
    assert len([one for _, one in links if "source/" in one]) > 200
    assert list(tmp_path.rglob(".*")) == []  # no page is made of these
    near = {(path, link) for path, link in links if not re.match(r"\w+:", link)}
    assert {(path, link) for path, link in near if not (path.parent / link).is_file()} == set()


def test_the_menu_has_each_document(pages: Any) -> None:
    """`make site` fails where one is missing; this says so at once."""
    menu = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "deploy" / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))

    assert menu == {*pages.TOP.values(), "decisions/README.md", *(one.name for one in (ROOT / "docs").glob("*.md"))}


def test_a_document_becomes_a_page(pages: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of the light theme has its sister beside it; what is between fences is no link."""
    root = tmp_path / "tree"
    (root / "docs" / "decisions").mkdir(parents=True)
    for name in pages.TOP:
        (root / name).write_text("# Title\n")
    (root / "code.py").write_text("x = 1")
    text = "![a](calm-light-wide.webp)\n[b](../code.py)\n[c](../README.md#title)\n```json word\n[d](nowhere.md)\n```\n"
    (root / "docs" / "page.md").write_text(text)
    for theme in ("light", "dark"):
        (root / "docs" / f"calm-{theme}-wide.webp").write_bytes(theme.encode())
    monkeypatch.setattr(pages, "ROOT", root)

    pages.gather(tmp_path / "pages")

    assert (tmp_path / "pages" / "page.md").read_text() == (
        "![a](calm-light-wide.webp#only-light)![a](calm-dark-wide.webp#only-dark)\n"
        "[b](source/code.py.md)\n[c](index.md#title)\n```json\n[d](nowhere.md)\n```\n"
    )
    assert "~~~~~~ python\nx = 1\n~~~~~~\n" in (tmp_path / "pages" / "source" / "code.py.md").read_text()

    (root / "docs" / "page.md").write_text("[d](nowhere.md)")
    with pytest.raises(pages.PagesError, match=r"page\.md: no nowhere\.md"):
        pages.gather(tmp_path / "pages")


def test_the_newest_version_comes_first(pages: Any, tmp_path: Path) -> None:
    """The menu of versions reads the file that is beside them."""
    for name in ("0.1.0", "0.2.0"):
        (tmp_path / name).mkdir()

    pages.name_versions(tmp_path, "0.2.0")

    assert re.findall(r'"version": "([\d.]+)"', (tmp_path / "versions.json").read_text()) == ["0.2.0", "0.1.0"]
    assert "url=0.2.0/" in (tmp_path / "index.html").read_text()
