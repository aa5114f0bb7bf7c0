"""Read the answers of scripts, whether or not the client decodes them."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Late:
    """The first late answer after answers in time: Redis may be slow, and does not count as gone yet.

    The caller has no permit. The next command decides whether Redis is gone.
    """


LATE = Late()


class Answers(NamedTuple):
    """How many answers of Redis this process received; threads count without a lock, so an answer may be missing."""

    in_time: int
    late: int


def word(value: Any) -> str:
    """Return one value of an answer as a string."""
    return value.decode() if isinstance(value, bytes) else str(value)


def pairs(flat: Sequence[Any]) -> dict[str, str]:
    """Return a hash from a script's list: name, value, name, value."""
    words = [word(value) for value in flat]
    return dict(zip(words[::2], words[1::2], strict=True))
