"""A module of tests/ as the definitions that it has at its top level: of each, what it is and which names it uses."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

REST, PROGRAM, ALL = "", "__main__", "*"
"""What stands beside the definitions' names: all that names nothing, what runs as a program only, the whole module."""
_SILENT = {"fixture", "mark", "contextmanager", "cache", "overload", "property", "classmethod", "staticmethod"}
"""What decorates a function and does nothing else; any other decorator may tell somebody of it, as a route does."""
_TELL = {"pytest_terminal_summary", "pytest_report_header", "pytest_report_teststatus"}
"""Hooks that only print."""
_OF_FILE = {"pytestmark", "pytest_plugins"}
_COMMENT = re.compile(r"^[ \t]*--(?!\[).*\n", re.MULTILINE)  # of SQL and Lua, whose longer ones begin with --[
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Uses:
    """Say what a definition uses."""

    names: frozenset[tuple[str, ...]]
    """Each with its attributes: `a.b.c`."""
    imports: Mapping[str, str]
    """What it imports itself: the name that it has here, and its dotted one."""
    fixtures: frozenset[str]
    """By their names; ALL: some whose names are worked out."""
    strings: frozenset[str]


class Module:
    """The definitions of one text; a name that is bound by an import is a definition, too.

    What is no definition is REST: it counts for all that use the module, and so do hooks of pytest, autouse fixtures
    and functions that a decorator may make known to somebody.
    """

    def __init__(self, text: str) -> None:
        self._tree = _bare(ast.parse(text))
        self._uses: dict[str, Uses] = {}
        self._statements: dict[str, list[ast.stmt]] = defaultdict(list)
        for statement in _apart(self._tree.body):
            for name in _names(statement):
                self._statements[name].append(statement)

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of all definitions, REST and PROGRAM if there are such."""
        return frozenset(self._statements)

    def dump(self, name: str) -> str:
        """Return what a definition is, without comments, docstrings and functions' annotations."""
        return "\n".join(map(ast.dump, self._statements.get(name, ())))

    def uses(self, name: str) -> Uses:
        """Return what a definition uses."""
        if name not in self._uses:
            statements = self._statements.get(name, ())
            self._uses[name] = Uses(
                frozenset(chain for one in statements if not _is_import(one) for chain in _chains(one)),
                {bound: dotted for one in statements for node in ast.walk(one) for bound, dotted in _bound(node)},
                frozenset(wanted for one in statements for wanted in _fixtures(one)),
                frozenset(text for one in statements for text in _strings(one)),
            )
        return self._uses[name]

    def saying(self, said: re.Pattern[str]) -> list[str]:
        """Return the definitions with a string in which this is found."""
        return [name for name, text in self._texts.items() if said.search(text)]

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {
            name: "\n".join(text for one in statements for text in _strings(one))
            for name, statements in self._statements.items()
        }

    @cached_property
    def imported(self) -> frozenset[str]:
        """Return the dotted names of all that is imported anywhere in the module."""
        return frozenset(name for node in ast.walk(self._tree) for name in _modules(node))

    @cached_property
    def imports(self) -> Mapping[str, Sequence[str]]:
        """Return the dotted names behind each name that an import at the top binds."""
        found = defaultdict[str, list[str]](list)
        for some in self._statements.values():
            for bound, dotted in (pair for one in some for pair in _bound(one)):
                found[bound].append(dotted)
        return found

    @cached_property
    def loads(self) -> frozenset[tuple[str, str]]:
        """Return what each import at the top binds, with the dotted names of what it may load."""
        return frozenset(
            (bound, dotted) for bound, some in self._statements.items() for one in some for dotted in _modules(one)
        )


def _apart(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements, an import for each of its names; without what is there for types."""
    for one in body:
        if isinstance(one, ast.Import):
            yield from (ast.Import([alias]) for alias in one.names)
        elif isinstance(one, ast.ImportFrom):
            yield from (ast.ImportFrom(one.module, [alias], one.level) for alias in one.names)
        elif isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING":
            yield from _apart(one.orelse)
        else:
            yield one


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield under which names a statement is found."""
    if isinstance(statement, _Function | ast.ClassDef):
        yield statement.name
        for decorator in statement.decorator_list:
            yield from _fixture_names(decorator)
        if isinstance(statement, _Function) and _counts_for_all(statement):
            yield REST
    elif _is_import(statement):
        yield from (bound for bound, _ in _bound(statement))
    elif names := _assigned(statement):
        yield from (REST if name in _OF_FILE else name for name in names)
    elif isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'":
        yield PROGRAM
    else:
        yield REST


def _counts_for_all(function: _Function) -> bool:
    if function.name in _TELL:
        return False
    autouse = any(
        key.arg == "autouse" for decorator in function.decorator_list for key in getattr(decorator, "keywords", ())
    )
    return function.name.startswith("pytest_") or autouse or _is_told_of(function)


def _is_told_of(function: _Function) -> bool:
    """Return whether a decorator may make a function known to somebody."""
    return not function.name.startswith("test") and any(
        _SILENT.isdisjoint(ast.unparse(one).split("(")[0].split(".")) for one in function.decorator_list
    )


def _fixture_names(decorator: ast.expr) -> Iterator[str]:
    """Yield the name that a fixture has beside its function's."""
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("fixture"):
        yield from (key.value.value for key in decorator.keywords if key.arg == "name")  # type: ignore[attr-defined]


def _assigned(statement: ast.stmt) -> list[str]:
    """Return the names that an assignment gives a value; none where it changes something else, too."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    else:
        return []
    nodes = [node for target in targets for node in ast.walk(target)]
    if any(isinstance(node, ast.Attribute | ast.Subscript) for node in nodes):
        return []
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _strings(statement: ast.AST) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _modules(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names of all that an import may load."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what an import binds, and to what."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
    elif isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _chains(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yield each name that is used, with the attributes that are taken of it."""
    if isinstance(node, ast.Call) and _last(node.func) == "Path" and [*map(_last, node.args)] == ["__file__"]:
        return  # where the module is, and not what is in it
    attributes = list[str]()
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id, *reversed(attributes)
    for child in ast.iter_child_nodes(node):
        yield from _chains(child)


def _fixtures(statement: ast.AST) -> Iterator[str]:
    """Yield which fixtures a test, a fixture or a class of tests asks for: by arguments, marks and calls."""
    functions = [statement, *statement.body] if isinstance(statement, ast.ClassDef) else [statement]
    for one in functions:
        if isinstance(one, _Function) and (one.decorator_list or one.name.startswith("test")):
            yield from (argument.arg for argument in (*one.args.posonlyargs, *one.args.args, *one.args.kwonlyargs))
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and _last(node.func) in ("usefixtures", "getfixturevalue"):
            for argument in node.args:
                constant = isinstance(argument, ast.Constant)
                yield argument.value if constant else ALL  # type: ignore[attr-defined]


def _last(node: ast.AST) -> str | None:
    """Return the last part of a name with attributes; None: it is something else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def code(path: str, text: str) -> str:
    """Return what a file does: without comments, where they have lines of their own, and docstrings of Python."""
    if path.endswith(".py"):
        return ast.dump(_without_prose(ast.parse(text)))
    return _COMMENT.sub("", text) if path.endswith((".sql", ".lua")) else text


def _without_prose(module: ast.Module) -> ast.Module:
    for node in ast.walk(module):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_prose(one)]  # type: ignore[attr-defined]
    return module


def _bare(module: ast.Module) -> ast.Module:
    """Take away what says something to readers and type checkers alone: docstrings, and annotations in functions.

    Those of a function that a decorator may make known to somebody stay: a command or a route is read by its types.
    Those of a class are its fields.
    """
    for node in ast.walk(_without_prose(module)):
        if isinstance(node, _Function) and not _is_told_of(node):
            node.returns = None
            own = node.args
            for one in (*own.posonlyargs, *own.args, *own.kwonlyargs, own.vararg, own.kwarg):
                if one is not None:
                    one.annotation = None
    return module
