"""Build the documents as a site: `make site`, `make site ARGS=--serve`.

The documents stay as they are; copies of them get links that hold there. A file of the code that one links to becomes a
page, so no link needs to know where the repository is. Each version has a folder, and versions.json, which the site's
menu of versions reads, names those that are in build/site/html.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "site"
TOP = {  # documents that are not in docs/
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "weaknesses.md",
}
_FENCE = re.compile(r"^\s*(```+|~~~+)\w*")
_LINK = re.compile(r"(?P<before>!?\[[^\[\]]*\]\(|\]\()(?P<target>[^)\s#]+)?(?P<anchor>#[^)\s]*)?\)")
_PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>[^)]*)-light-(?P<rest>[^)]*)\)")
_KINDS = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".sh": "bash", ".js": "javascript"}
_KINDS |= {one: one[1:] for one in (".sql", ".lua", ".json", ".toml", ".css", ".html", ".ini")}


class PagesError(Exception):
    """Report a link that leads nowhere."""


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="make site", description="Build the documents as a site, in build/site/html.")
    parser.add_argument(
        "--serve", metavar="PORT", nargs="?", type=int, const=8000, help="show it on this machine (8000)"
    )
    asked = parser.parse_args(arguments)
    version = str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
    html = PLACE / "html"
    shutil.rmtree(PLACE / "pages", ignore_errors=True)  # also what is no page any more
    try:
        gather(PLACE / "pages")
    except PagesError as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    config = str(ROOT / "deploy" / "mkdocs.yml")
    command = ["-m", "mkdocs", "build", "--strict", "--clean", "--config-file", config]
    code = subprocess.run([sys.executable, *command, "--site-dir", str(html / version)], check=False).returncode
    if code:
        return code
    name_versions(html, version)
    print(f"{html}: version {version}")
    if asked.serve is not None:
        served = ["-m", "http.server", "--bind", "127.0.0.1", "--directory", str(html), str(asked.serve)]
        return subprocess.run([sys.executable, *served], check=False).returncode
    return 0


def name_versions(html: Path, newest: str) -> None:
    """Write what the menu of versions reads, and a first page that leads to the newest."""
    versions = sorted((one.name for one in html.iterdir() if one.is_dir()), key=lambda one: one != newest)
    told = [{"version": one, "title": one, "aliases": []} for one in versions]
    (html / "versions.json").write_text(json.dumps(told), "utf-8")
    (html / "index.html").write_text(f'<meta http-equiv="refresh" content="0; url={newest}/">\n', "utf-8")


def gather(folder: Path) -> None:
    """Put every page and picture into a folder, and what they link to.

    Raises:
        PagesError: A link leads to no file.
    """
    written: set[Path] = set()
    left = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*"))]
    while left:
        path = left.pop()
        if path in written or (path.is_dir() and path.is_relative_to(ROOT / "docs")):
            continue
        written.add(path)
        target = folder / place_of(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() or path.suffix not in {".md", ".webp", ".svg"}:
            target.write_text(_shown(path), "utf-8")
            left += [one for one in _inside(path) if one.is_file()] if path.is_dir() else []
        elif path.suffix == ".md":
            target.write_text("\n".join(_lines(path, left.append)) + "\n", "utf-8")
        else:
            target.write_bytes(path.read_bytes())


def place_of(path: Path) -> PurePosixPath:
    """Return where a file or a folder of the repository is in the site."""
    name = path.relative_to(ROOT).as_posix()
    if name in TOP:
        return PurePosixPath(TOP[name])
    if path.is_relative_to(ROOT / "docs"):
        return PurePosixPath(path.relative_to(ROOT / "docs").as_posix())
    seen = re.sub(r"(^|/)\.", r"\1", name)  # a hidden page is on no site
    return PurePosixPath("source", f"{seen}/index.md" if path.is_dir() else f"{seen}.md")


def _lines(path: Path, found: Callable[[Path], None]) -> Iterator[str]:
    """Return the lines of a document. Its links lead to pages of the site; `found` is called with each target."""
    fence = ""

    def moved(link: re.Match[str]) -> str:
        target = link["target"]
        if target is None or re.match(r"\w+:", target):
            return link[0]
        there = Path(os.path.normpath(path.parent / target))
        if not there.is_relative_to(ROOT) or not there.exists():
            raise PagesError(f"{path.relative_to(ROOT)}: no {target}")
        found(there)
        back = os.path.relpath(place_of(there), place_of(path).parent)
        return f"{link['before']}{Path(back).as_posix()}{link['anchor'] or ''})"

    for line in path.read_text("utf-8").splitlines():
        opened = _FENCE.match(line)
        if opened:
            fence = "" if fence and opened[1].startswith(fence) else fence or opened[1]
        if fence or opened:
            yield opened[0] if opened else line  # tests read a second word there, of which the site knows nothing
            continue
        yield _PICTURE.sub(_both, _LINK.sub(moved, line))


def _both(picture: re.Match[str]) -> str:
    """Show the picture of the reader's own theme."""
    alt, path, rest = picture["alt"], picture["path"], picture["rest"]
    return f"![{alt}]({path}-light-{rest}#only-light)![{alt}]({path}-dark-{rest}#only-dark)"


def _shown(path: Path) -> str:
    """Return the page of a file, or of a folder's files; the search leaves both out."""
    name = path.relative_to(ROOT).as_posix()
    head = f"---\nsearch:\n  exclude: true\n---\n# {name}\n\n"
    if path.is_dir():
        lines = (f"`{one.name}/`" if one.is_dir() else f"[{one.name}]({one.name}.md)" for one in _inside(path))
        return head + "".join(f"- {line}\n" for line in lines)
    return f"{head}~~~~~~ {_KINDS.get(path.suffix, 'text')}\n{path.read_text('utf-8')}\n~~~~~~\n"


def _inside(folder: Path) -> list[Path]:
    """Return what stands directly in a folder."""
    return sorted(one for one in folder.iterdir() if not one.name.startswith((".", "__pycache__")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
