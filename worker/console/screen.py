"""Output of every command: results to standard output, everything else to standard error.

No meaning is in a colour alone: a pipe, a log and a reader who sees no colours get every word.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(*parts: str | tuple[str, str]) -> None:
    """Write one line to standard output; a part is text, or text with its style."""
    out.print(Text.assemble(*parts), soft_wrap=True)


def note(*parts: str | tuple[str, str]) -> None:
    """Write one line to standard error."""
    err.print(Text.assemble(*parts), soft_wrap=True)


def show(what: RenderableType) -> None:
    """Write a table to standard output, fitted to the terminal's width."""
    out.print(what)


def as_json(value: Any) -> None:
    """Write one JSON object on one line to standard output."""
    out.file.write(json.dumps(value, default=_plain) + "\n")


def facts(rows: Iterable[tuple[str, str | Text]]) -> None:
    """Write names and values to standard output in two columns; on a terminal long values stay in theirs."""
    kept = [(name, value if isinstance(value, Text) else Text(plain(value))) for name, value in rows]
    indent = max(len(name) for name, _ in kept) + 3
    for name, value in kept:
        wrapped(Text(f"{name:<{indent}}", style="dim"), value)


def wrapped(first: Text, text: Text) -> None:
    """Write a text behind `first`; on a terminal its further lines begin where it does."""
    room = max(out.width - len(first), 20)
    for n, line in enumerate(text.wrap(out, room) if out.is_terminal else [text]):
        line.rstrip()
        out.print(Text.assemble(" " * len(first) if n else first, line), soft_wrap=True)


def plain(text: str) -> str:
    """Replace characters that control the terminal or begin a new line: texts come from callers."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
