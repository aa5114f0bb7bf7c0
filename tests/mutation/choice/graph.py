"""What a test is made of: its file, and all in tests/ that its file imports, names as a program, or has as fixtures."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

_MODULE = re.compile(r"tests(?:\.\w+)+\.?")
_PLUGIN = re.compile(r"-p (tests[\w.]+)")


class Graph:
    """The imports of the modules in `tests/` below a root, as paths from the root.

    A module in a string counts as imported, too: fleets, hosts and listeners start programs of tests/ by their names.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names = {
            ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
            for path in sorted((root / "tests").rglob("*.py"))
        }
        self._read: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def parts(self, path: str) -> frozenset[str]:
        """Return the modules that a test's file consists of: itself, its conftests, plugins, and what they import."""
        return self.reached([path, *self.conftests(path), *self._plugins])

    def reached(self, paths: Iterable[str]) -> frozenset[str]:
        """Return these modules, with all in tests/ that they import, at any number of steps."""
        found, ahead = set[str](), list(paths)
        while ahead:
            if (path := ahead.pop()) not in found and (self.root / path).is_file():
                found.add(path)
                ahead += self._of(path)[0]
        return frozenset(found)

    def product(self, paths: Iterable[str], packages: Mapping[str, str]) -> frozenset[str]:
        """Return what these modules import of `packages` (name -> folder) themselves."""
        names = {name for path in paths for name in self._of(path)[1]}
        found = set[str]()
        for name in names:
            folder = packages.get(name.partition(".")[0])
            if folder is not None:
                place = Path(folder, *name.split(".")[1:])
                found |= {str(one) for one in (place.with_suffix(".py"), place / "__init__.py")}
        return frozenset(one for one in found if (self.root / one).is_file())

    def conftests(self, path: str) -> list[str]:
        """Return the conftests that stand above a test, also those that are there no more."""
        folders = Path(path).parents
        return [str(folder / "conftest.py") for folder in folders if folder.parts[:1] == ("tests",)]

    def naming(self, data: str) -> frozenset[str]:
        """Return the modules of tests/ whose text has the name of a file; if none has, of its folder."""
        path = Path(data)
        for said in (rf"(?<![\w-]){re.escape(path.name)}\b", rf"""["'/]{re.escape(path.parent.name)}["'/]"""):
            if found := {one for one in self._names.values() if re.search(said, one.read_text("utf-8"))}:
                return frozenset(str(one.relative_to(self.root)) for one in found)
        return frozenset()

    @cached_property
    def _plugins(self) -> list[str]:
        """Return the plugins of ours that each run of pytest has, by its options."""
        options = (self.root / "pyproject.toml").read_text("utf-8")
        return [path for name in _PLUGIN.findall(options) for path in self._named(name)]

    def _of(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return what a module imports of tests/, as paths; and all modules that it imports, as names."""
        if path not in self._read:
            names = frozenset(_imported(ast.parse((self.root / path).read_text("utf-8"))))
            ours = {one for name in names if name.startswith("tests") for one in self._named(name)}
            self._read[path] = frozenset(ours), names
        return self._read[path]

    def _named(self, name: str) -> Iterator[str]:
        """Yield the module of a name; what a package starts with; all of a package whose name goes on ("tests.x.")."""
        if name.endswith("."):
            found = [path for known, path in self._names.items() if known.startswith(name)]
        else:
            found = [path for known in (name, f"{name}.__main__") if (path := self._names.get(known))]
        yield from (str(path.relative_to(self.root)) for path in found)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _MODULE.fullmatch(node.value):
            yield node.value
