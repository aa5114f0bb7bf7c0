"""Run the product with one of its rules taken away, in this process: a search needs no other."""

import ast
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any
from unittest.mock import patch

from celery.exceptions import DuplicateTaskNameWarning

from db import sql
from db.queue.kinds import RowKind
from tests.model import product
from tests.model.changes import answers
from tests.mutation.breakage import Removal

ROOT = Path(__file__).parents[2]


@contextmanager
def without(rule: Removal) -> Iterator[None]:
    """Have the product's functions run the code that it would have without the rule, until the block ends."""
    with _without_in_sql(rule) if rule.file.endswith(".sql") else _without_in_code(rule):
        yield


@contextmanager
def _without_in_sql(rule: Removal) -> Iterator[None]:
    own = sql.written

    def written(name: str) -> str:
        text = own(name)
        if name != Path(rule.file).stem:
            return text
        assert text.count(rule.old) == 1, rule.name
        return text.replace(rule.old, rule.new)

    read = sql.statement, sql.prepared, RowKind.statement, RowKind.prepared
    try:
        with patch.object(sql, "written", written):
            _forget_all(read)
            yield
    finally:
        _forget_all(read)


def _forget_all(read: Iterable[Any]) -> None:
    for statement in read:
        statement.cache_clear()


@contextmanager
def _without_in_code(rule: Removal) -> Iterator[None]:
    module = import_module(rule.file.removesuffix(".py").replace("/", "."))
    text = (ROOT / rule.file).read_text("utf-8")
    assert text.count(rule.old) == 1, rule.name
    changed: dict[str, Any] = {"__name__": module.__name__}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DuplicateTaskNameWarning)  # its tasks stay those that were registered first
        exec(compile(ast.parse(text.replace(rule.old, rule.new)), rule.file, "exec"), changed)  # noqa: S102 - ours
        codes = [(own, own.__code__, other.__code__) for own, other in _functions(vars(module), changed)]
    constants = _constants(module, changed)
    assert codes or constants, f"{rule.name}: nothing runs otherwise without it"
    _forget()
    with patch.dict(vars(module), constants):
        try:
            for own, _, other in codes:
                own.__code__ = other
            yield
        finally:
            for own, before, _ in codes:
                own.__code__ = before
            _forget()


def _forget() -> None:
    product.forget()
    answers.forget()


def _functions(own: Any, changed: Any) -> Iterator[tuple[FunctionType, FunctionType]]:
    """Yield each function of a module, and of its classes, that has other code now, with the one that has it."""
    for name, value in list(own.items()):
        here, there = _plain(value), _plain(changed.get(name))
        if isinstance(here, FunctionType) and isinstance(there, FunctionType):
            if here.__code__ != there.__code__:
                yield here, there
        elif isinstance(here, type) and isinstance(there, type) and here is not there:
            yield from _functions(vars(here), vars(there))


def _plain(value: object) -> object:
    if isinstance(value, classmethod | staticmethod):
        return value.__func__
    return value.fget if isinstance(value, property) else value


def _constants(module: ModuleType, changed: dict[str, Any]) -> dict[str, Any]:
    """Return the sets and tables that are others now."""
    tables = {name: value for name, value in vars(module).items() if isinstance(value, dict | frozenset)}
    return {
        name: changed[name] for name, value in tables.items() if not name.startswith("__") and changed[name] != value
    }
