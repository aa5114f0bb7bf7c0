"""Read what a script answers, whether or not the client decodes."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Late:
    """Stand for an answer that did not come in time, the first in a row: Redis may be slow, and is not yet gone.

    Who asked for a permit has none; the next to ask finds out.
    """


LATE = Late()


class Answers(NamedTuple):
    """How many answers of Redis came to one process since it began; threads count without a lock and may lose one."""

    in_time: int
    late: int


def word(value: Any) -> str:
    """Read a word of an answer, whether or not the client decodes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def pairs(flat: Sequence[Any]) -> dict[str, str]:
    """Read a hash as a script gives it: name, value, name, value."""
    words = [word(value) for value in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
