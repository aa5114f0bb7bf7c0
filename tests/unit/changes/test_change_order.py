"""Which change waits for another one: never two that change one uid, of one booking or of two."""

import pytest

from tasks.changes.order import OpenChange, must_wait


def change(
    booking: int = 1, uid: str = "a", *, changing: bool = False, unknown: bool = False, posts: int = 0
) -> OpenChange:
    """Return an open change."""
    return OpenChange(booking, uid, changing, unknown, posts)


@pytest.mark.parametrize(
    ("one", "other", "waits"),
    [
        (change(), change(), False),
        (change(), change(changing=True), True),
        (change(), change(unknown=True, posts=1), True),
        (change(), change(posts=1), True),
        (change(posts=1), change(posts=1), False),
        (change(posts=1), change(changing=True), True),
        (change(posts=1), change(unknown=True, posts=1), True),
        (change(unknown=True, posts=1), change(), False),
        (change(), change(booking=2, changing=True), True),
        (change(), change(booking=2, unknown=True), True),
        (change(), change(uid="b", changing=True), False),
    ],
)
def test_a_change_waits_for_another_one_of_its_uid(one: OpenChange, other: OpenChange, waits: bool) -> None:  # noqa: FBT001
    """Two seats of one booking as well: what counts is Cal.com's uid."""
    assert must_wait(one, [other]) is waits
