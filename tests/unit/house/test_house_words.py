"""Sentences are written for a reader whose first language is not English: no archaic relative pronouns."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# A package is added once its old sentences are mended.
MENDED = ("client", "simulator", "benchmarks", "tests", "examples", "docs", "worker", "tasks", "db")
KINDS = {".py", ".md", ".sql", ".lua", ".js"}
# Each is written so that this file does not hold what it looks for.
ARCHAIC = re.compile(
    r"\bsuch[ ]as (?:were|failed|are)\b|\bwhat[ ]is none\b|\bane[w]\b|\bwhoeve[r]\b|\bnone[ ]is told\b|\bof none[:]"
    r"|\bof which (?:nothing|nobody|none|no)\b",
    re.IGNORECASE,
)
# The same words with anything between them: a file without them has no such sentence, and is not taken apart.
NEAR = re.compile(re.sub(r"\[ \]| ", r"\\W+", ARCHAIC.pattern), re.IGNORECASE)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def sentences(path: Path) -> str:
    """Return the sentences of a file that may have an archaic relative."""
    text = path.read_text("utf-8")
    return prose(text, path.suffix) if NEAR.search(text) else ""


def prose(text: str, suffix: str = ".py") -> str:
    """Return the sentences of a text."""
    return "\n".join(python_prose(text)) if suffix == ".py" else text


def python_prose(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, also those behind an attribute, and its comments, a block in one piece."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    block, last = "", 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, text = token.start[0], token.string.lstrip("# ")
            if line != last + 1:
                yield block
                block = ""
            block, last = f"{block} {text}", line
    yield block


def archaic(text: str) -> list[str]:
    """Return the words of a text that have to be read twice; code in it is no sentence."""
    return ARCHAIC.findall(" ".join(CODE.sub("", text).split()))


@pytest.mark.parametrize("package", MENDED)
def test_no_sentence_has_an_archaic_relative(package: str) -> None:
    """Its subject is a noun, as "the caller", "the worker" or "a row that"."""
    paths = [path for path in sorted((ROOT / package).rglob("*")) if path.suffix in KINDS]

    assert paths
    assert {str(path.relative_to(ROOT)): found for path in paths if (found := archaic(sentences(path)))} == {}


@pytest.mark.parametrize(
    "source",
    [
        '"""Return the rows, or such\nas were asked for."""',
        "x = 1  # such" + " as failed go last",
        "# The count begins\n# ane" + "w.",
        'class A:\n    b: int\n    """WHOEVE' + 'R reads it."""',
        'def f():\n    """what is' + ' none becomes other."""',
        '"""Count them; none' + ' is told."""',
        "# of n" + "one: it is new",
        '"""Return a row of which' + ' nothing is known."""',
    ],
)
def test_an_archaic_relative_is_seen(source: str) -> None:
    """In a docstring or a comment, over the end of a line, in capitals."""
    assert NEAR.search(source)
    assert archaic(prose(source))


@pytest.mark.parametrize(
    "source",
    [
        '"""Read units such as seconds."""',
        '"""Count; `ane' + 'w`: the server was restarted."""',
        'name = "late-begins-ane' + 'w"  # names stay',
        "# The rows of a new table, which are few",
    ],
)
def test_other_sentences_are_left_alone(source: str) -> None:
    """Examples, code, and strings that are no sentence of ours."""
    assert not archaic(prose(source))
