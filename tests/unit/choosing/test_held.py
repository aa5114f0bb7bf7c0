"""By which tests each promise is held is compared with an earlier tree: what went is named."""

from tests.mutation.choice.held import differences


def test_what_a_promise_lost_is_named() -> None:
    """A test that holds another promise now went from its first one."""
    before = {"one": (1, "a.py::test_one"), "two": (2, "a.py::test_two"), "three": (2, "a.py::test_three")}
    now = {"one": (1, "a.py::test_one"), "three": (1, "a.py::test_three"), "four": (2, "a.py::test_four")}
    assert list(differences(before, now)) == [
        "promise 1: 1 tests before, 2 now",
        "promise 2: 2 tests before, 1 now",
        "  went: a.py::test_three",
        "  went: a.py::test_two",
        "breakages: 3 before, 3 now",
        "  went: two",
    ]
