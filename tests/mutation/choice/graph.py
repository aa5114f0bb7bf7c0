"""What a test is made of: its own definition, its fixtures, and each definition in tests/ that these use in turn.

Where a name cannot be followed, all of its module counts. A module in a string counts as a whole: fleets, hosts and
listeners start programs of tests/ by their names. The graph ends at tests/.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path

from tests.mutation.choice.definitions import ALL, REST, Module, Uses
from tests.mutation.trials.trial import LEFT_OUT

Node = tuple[str, str]
"""A module's path from the root, and the name of a definition in it."""
_MODULE = re.compile(r"tests(?:\.\w+)+\.?")
PLUGIN = re.compile(r"-p (tests[\w.]+)")
_read = cache(Module)


class Graph:
    """The definitions of the modules in `tests/` below a root, beside what some of them were before.

    `before` has the text of each file that has changed since; None: it was not there.
    """

    def __init__(self, root: Path, before: Mapping[str, str | None]) -> None:
        self.root = root
        found = {str(path.relative_to(root)) for path in (root / "tests").rglob("*.py")}
        self._before = before
        self._files = found | {path for path in before if _is_module(path)}
        self._names = {
            path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path for path in sorted(self._files)
        }
        self._texts: dict[str, str] = {}
        self._modules: dict[str, Module] = {}
        self._loading: dict[str, frozenset[str]] = {}
        self._gone: dict[str, Module] = {}
        self._scopes: dict[str, tuple[list[str], frozenset[Node]]] = {}
        self._edges: dict[Node, tuple[frozenset[Node], frozenset[str]]] = {}

    @cached_property
    def changed(self) -> frozenset[Node]:
        """Return the definitions that are others than before, and those that name a file of another kind that is."""
        found = set[Node]()
        for path in self._before:
            if _is_module(path):
                then, now = self._then(path), self._module(path)
                found |= {(path, name) for name in then.names | now.names if then.dump(name) != now.dump(name)}
            if path.startswith("tests/") and not self._is_met(path):
                found |= self._naming(path)
        others = self._plugins[True] ^ self._plugins[False]
        return frozenset(found) | {(path, name) for path in others for name in self._defined(path)}

    def made_of(self, test: str) -> frozenset[Node]:
        """Return the definitions that make a test, by its node id of pytest; that make a file's tests, by its path."""
        path, _, names = test.partition("::")
        name = re.split(r"::|\[", names)[0]
        known = name != REST and name in self._defined(path)
        scope, around = self._around(path)
        return self.reached([(path, name if known else ALL)], scope, around)

    def reached(self, nodes: Iterable[Node], scope: Iterable[str] = (), known: Iterable[Node] = ()) -> frozenset[Node]:
        """Return these definitions and all that they use at any number of steps, and `known`, reached before.

        Fixtures are found in `scope`.
        """
        places = [path for path in scope if path in self._files]
        found, ahead = set(known), list(nodes)
        while ahead:
            if (node := ahead.pop()) in found or node[0] not in self._files:
                continue
            found.add(node)
            edges, fixtures = self._of(node)
            ahead += edges
            for path in places if fixtures else ():
                ahead += ((path, ALL) for one in fixtures if one == ALL)
                for one in fixtures & self._defined(path):
                    ahead += self._resolved(path, (one,))
        return frozenset(found)

    def product(self, paths: Iterable[str], packages: Mapping[str, str]) -> frozenset[str]:
        """Return what these modules import of `packages` (name -> folder) themselves."""
        found = set[str]()
        for path in paths:
            for name in self._module(path).imported:
                if (folder := packages.get(name.partition(".")[0])) is not None:
                    place = Path(folder, *name.split(".")[1:])
                    found |= {str(one) for one in (place.with_suffix(".py"), place / "__init__.py")}
        return frozenset(one for one in found if (self.root / one).is_file())

    def _around(self, path: str) -> tuple[list[str], frozenset[Node]]:
        """Return where the tests of a file find fixtures, and what each of them is made of, whatever it does."""
        if path not in self._scopes:
            scope = [path, *_conftests(path), *self._plugins[True] | self._plugins[False]]
            self._scopes[path] = scope, self.reached([(one, REST) for one in scope], scope)
        return self._scopes[path]

    def _of(self, node: Node) -> tuple[frozenset[Node], frozenset[str]]:
        """Return what a definition uses, and the names of the fixtures that it asks for."""
        if node not in self._edges:
            path, name = node
            if name == ALL:
                uses = frozenset((path, one) for one in self._defined(path) | {REST}), frozenset[str]()
            else:
                own = self._module(path).uses(name)
                uses = frozenset(self._used(path, name, own)), own.fixtures
            self._edges[node] = uses
        return self._edges[node]

    def _used(self, path: str, name: str, uses: Uses) -> Iterator[Node]:
        yield path, REST
        for chain in uses.names:
            if chain[0] in uses.imports:
                yield from self._followed(uses.imports[chain[0]], chain[1:])
            elif chain == ("__file__",):
                yield path, ALL
            elif chain[0] in self._defined(path):
                yield from self._resolved(path, chain)
        for dotted in uses.imports.values():
            if name == REST:  # its names are the whole module's
                yield from self._followed(dotted, ())
            elif found := self._place(dotted):
                yield found[0], REST
        for bound, other in self._imports(path) if name == REST else ():
            if any(REST in self._defined(one) for one in self._loaded(other)):
                yield path, bound  # a new import of what only defines adds nothing
        for text in uses.strings:
            yield from self._named(text)

    def _loaded(self, path: str) -> frozenset[str]:
        """Return which modules of ours run when one is imported."""
        if path not in self._loading:
            found, ahead = set[str](), [path]
            while ahead:
                if (one := ahead.pop()) not in found:
                    found.add(one)
                    ahead += (other for _, other in self._imports(one))
            self._loading[path] = frozenset(found)
        return self._loading[path]

    def _imports(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield what each import at the top of a module binds, and the module of ours that it runs."""
        for bound, dotted in self._module(path).loads:
            if found := self._place(dotted):
                yield bound, found[0]

    def _resolved(self, path: str, chain: tuple[str, ...]) -> Iterator[Node]:
        """Yield what a name of a module, with attributes, is."""
        yield path, chain[0]
        for dotted in self._module(path).imports.get(chain[0], ()):
            yield from self._followed(dotted, chain[1:])

    def _followed(self, dotted: str, more: tuple[str, ...]) -> Iterator[Node]:
        """Yield what a dotted name, with attributes, is: a definition of ours, or a whole module; none of others."""
        if (found := self._place(".".join((dotted, *more)))) is None:
            return
        path, rest = found
        if rest and rest[0] in self._defined(path):
            yield from self._resolved(path, rest)
        else:
            yield path, ALL

    def _place(self, dotted: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the module of ours in which a dotted name is, and the name there."""
        parts = dotted.split(".")
        if parts[0] != "tests":
            return None
        for end in range(len(parts), 1, -1):
            if path := self._names.get(".".join(parts[:end])):
                return path, tuple(parts[end:])
        return None

    def _named(self, text: str) -> Iterator[Node]:
        """Yield what a string may start: a module, a package, all whose name goes on ("tests.x."), a file ("x.py")."""
        if _MODULE.fullmatch(text):
            for name, path in self._names.items():
                if name in (text, f"{text}.__main__") or (text.endswith(".") and name.startswith(text)):
                    yield path, ALL
        elif text.endswith(".py") and not Path(text).name.startswith("test_"):
            yield from ((path, ALL) for path in self._files if f"/{path}".endswith(f"/{text}"))

    def _naming(self, data: str) -> frozenset[Node]:
        """Return the definitions in which a file's name stands; if there are none, that of a folder that it is in."""
        path = Path(data)
        for part in (path.name, *(folder.name for folder in path.parents if folder.parts[1:])):
            said = re.compile(rf"(?<![\w-]){re.escape(part)}(?![\w-])")
            texts = [one for one in self._files if part in self._text(one)]
            if found := {(one, name) for one in texts for name in self._module(one).saying(said)}:
                return frozenset(found)
        return frozenset() if _is_module(data) else frozenset((one, REST) for one in self._files)

    def _is_met(self, path: str) -> bool:
        """Return whether a file is a module that pytest or another module names."""
        if not _is_module(path) or re.match(r"conftest\.|test_", Path(path).name):
            return _is_module(path)
        [dotted] = [name for name, one in self._names.items() if one == path]
        package = dotted.rpartition(".")[0]
        others = [one for one in self._files if one != path]
        return any(dotted in self._text(one) for one in others) or any(
            dotted in self._module(one).imported for one in others if f"from {package} import" in self._text(one)
        )

    @cached_property
    def _plugins(self) -> dict[bool, frozenset[str]]:
        """Return the plugins of ours that a run in a copy has by pytest's options: now, and before."""
        now = (self.root / "pyproject.toml").read_text("utf-8")
        texts = {True: now, False: self._before.get("pyproject.toml", now) or ""}
        return {
            which: frozenset(
                path for name in PLUGIN.findall(text) if name not in LEFT_OUT and (path := self._names.get(name))
            )
            for which, text in texts.items()
        }

    def _defined(self, path: str) -> frozenset[str]:
        """Return the names of a module's definitions, those that are gone, too."""
        now = self._module(path).names
        return now | self._then(path).names if path in self._before else now

    def _then(self, path: str) -> Module:
        """Return what a module was before."""
        if path not in self._gone:
            self._gone[path] = _read(self._before[path] or "")
        return self._gone[path]

    def _module(self, path: str) -> Module:
        if path not in self._modules:
            self._modules[path] = _read(self._text(path))
        return self._modules[path]

    def _text(self, path: str) -> str:
        if path not in self._texts:
            file = self.root / path
            self._texts[path] = file.read_text("utf-8") if file.is_file() else ""
        return self._texts[path]


def _is_module(path: str) -> bool:
    return path.startswith("tests/") and path.endswith(".py")


def _conftests(path: str) -> list[str]:
    """Return where conftests stand above a test."""
    return [str(folder / "conftest.py") for folder in Path(path).parents if folder.parts[:1] == ("tests",)]
