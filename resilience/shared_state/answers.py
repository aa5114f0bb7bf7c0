"""Read what a script answers, whether or not the client decodes."""

from collections.abc import Sequence
from typing import Any


def word(value: Any) -> str:
    """Read a word of an answer, whether or not the client decodes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def pairs(flat: Sequence[Any]) -> dict[str, str]:
    """Read a hash as a script gives it: name, value, name, value."""
    words = [word(value) for value in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
