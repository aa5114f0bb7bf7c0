"""The parts of a bulk: its first bookings begin at once, and a large one takes few transactions."""

from typing import Any, cast

import pytest

from booking_client.asking import PART, parts
from tests.support.fleet import request


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        (0, []),
        (1, [1]),
        (32, [32]),
        (33, [32, 1]),
        (700, [32, 128, 512, 28]),
        (4_000, [32, 128, 512, PART, PART, PART, 328]),
    ],
)
def test_the_first_part_is_small_and_the_others_grow(number: int, sizes: list[int]) -> None:
    """Each begins where the last one ended."""
    one = request(0)

    found = list(parts([one] * number))

    assert [len(part) for _, part in found] == sizes
    assert [first for first, _ in found] == [sum(sizes[:place]) for place in range(len(sizes))]


def test_no_part_comes_before_a_request_that_is_none() -> None:
    """Else the first ones would be kept, and nobody would get their receipts."""
    wrong = cast("Any", {"event_type_id": 110})

    with pytest.raises(TypeError, match=r"BookingRequest\.parse makes one"):
        next(parts([request(0)] * 40 + [wrong]))
