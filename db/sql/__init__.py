"""Statements that lock, one file each, under a comment that says why; loaded once."""

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def statement(name: str) -> TextClause:
    """Return the statement of `name`.sql without its comment, which the server need not read a thousand times a second.

    FileNotFoundError when there is no such file.
    """
    lines = files(__name__).joinpath(f"{name}.sql").read_text("utf-8").splitlines()
    return text("\n".join(line for line in lines if not line.startswith("--")))
