"""An object of JSON that has one meaning, and no depth that costs."""

import pytest

from worker.json_object import MAX_DEPTH, UnreadableError, read_object


def nested(depth: int) -> bytes:
    """Return objects in one another, so many levels of them."""
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_sixty_four_levels_are_read_and_one_more_is_not() -> None:
    """Of objects and of lists; many side by side are no depth."""
    assert read_object(nested(MAX_DEPTH))
    assert read_object(b'{"a":[' + b",".join([b"{}"] * 500) + b"]}")
    for data in (nested(MAX_DEPTH + 1), b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", nested(50_000)):
        with pytest.raises(UnreadableError, match="nested too deeply"):
            read_object(data)


def test_what_is_no_text_is_told_apart() -> None:
    """A caller mends its encoding elsewhere than its JSON."""
    with pytest.raises(UnreadableError) as broken:
        read_object(b'{"a":"\xff"}')
    with pytest.raises(UnreadableError) as wrong:
        read_object(b"{")

    assert (broken.value.not_utf8, wrong.value.not_utf8) == (True, False)
