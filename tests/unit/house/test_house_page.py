"""The page's own files keep the house's rules: short modules, text stays text, the chart library is what it was."""

import hashlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "worker" / "page"
STATIC = PAGE / "static"
UPLOT = STATIC / "vendor" / "uplot"
TEMPLATES = sorted((PAGE / "templates").glob("*.html"))
OURS = sorted(path for path in STATIC.rglob("*.*") if "vendor" not in path.relative_to(STATIC).parts)
MODULES = [path for path in OURS if path.suffix == ".js"]
LONGEST = 300  # lines
WIDEST = 120  # characters of a module's line, as of Python's
# By each of these a text could become HTML or code; what a customer wrote is on these pages.
TEXT_TO_HTML = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
    r"|\beval\(|\bFunction\(|set(?:Timeout|Interval)\(\s*[\"'`]"
)
# The content security policy refuses them, so that they would only be dead.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def name(path: Path) -> str:
    """Return a file's name as tests show it."""
    return str(path.relative_to(PAGE))


def test_the_page_has_its_files() -> None:
    """What follows looks at something."""
    assert len(MODULES) > 20
    assert len(TEMPLATES) > 3


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_file_of_the_page_is_short_and_says_what_it_is_for(path: Path) -> None:
    """At most 300 lines, and a comment first."""
    text = path.read_text("utf-8")

    assert len(text.splitlines()) <= LONGEST
    assert text.startswith({".js": "// ", ".css": "/* "}[path.suffix])


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_read_without_scrolling_sideways(path: Path) -> None:
    """No line is longer than Python's may be."""
    assert [line for line in path.read_text("utf-8").splitlines() if len(line) > WIDEST] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_text_stays_text(path: Path) -> None:
    """No module can make HTML or code of what it is given."""
    assert TEXT_TO_HTML.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_has_nothing_inline(path: Path) -> None:
    """Scripts and styles are files, as the policy asks."""
    assert INLINE.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "path", [path for path in TEMPLATES if 'extends "page.html"' in path.read_text("utf-8")], ids=name
)
def test_a_page_names_its_fleet(path: Path) -> None:
    """In its title, for two tabs, and in its head, for a screenshot."""
    text = path.read_text("utf-8").replace('{% include "read.html" %}', (path.parent / "read.html").read_text("utf-8"))
    title = re.search(r"{% block title %}(.*){% end %}", text) or re.search(
        r"{% block title %}(.*){% end %}", (path.parent / "page.html").read_text("utf-8")
    )

    assert title is not None
    assert "{{ fleet }}" in title[1]
    assert '<span class="fleet" title="the fleet">{{ fleet }}</span> <span id="read">' in text


def test_what_the_page_loads_is_there_and_used() -> None:
    """Each import and each file that a template names exists, and nothing lies about that nobody loads."""
    named = {
        (STATIC / file).resolve()
        for path in TEMPLATES
        for file in re.findall(r"\{\{ resilience }}/static/([\w./-]+)", path.read_text("utf-8"))
    }
    imported = {
        (path.parent / file).resolve()
        for path in MODULES
        for file in re.findall(r'^(?:import|\} from) .*?"([^"]+)";$', path.read_text("utf-8"), re.MULTILINE)
    }

    assert [path for path in named | imported if not path.is_file()] == []
    assert {path.resolve() for path in OURS} - named - imported == set()


def test_the_chart_library_is_what_was_vendored() -> None:
    """Its files, and its licence, have the checksums that stand beside them."""
    lines = (UPLOT / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {file: digest for digest, file in (line.split("  ") for line in lines)}

    assert {path.name for path in UPLOT.iterdir()} == {*sums, "SHA256SUMS"}
    assert {file: hashlib.sha256((UPLOT / file).read_bytes()).hexdigest() for file in sums} == sums
    assert "MIT License" in (UPLOT / "LICENSE").read_text("utf-8")
