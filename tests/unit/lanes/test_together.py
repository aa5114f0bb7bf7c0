"""What threads ask at the same time is done together: each has its own answer, and nobody waits for ever."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.together import Together
from tests.running.waiting import eventually


class Work:
    """Answer each number with its double; the first group goes on when it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def answer(self, numbers: Sequence[int]) -> list[int]:
        """Double them; a 13 among them is an error of all."""
        self.groups.append([*numbers])
        self.begun.set()
        assert self.go_on.wait(30)
        if 13 in numbers:
            raise LookupError("13")
        return [2 * number for number in numbers]


@pytest.fixture
def work() -> Work:
    """Return what is done."""
    return Work()


def ask_all(work: Work, numbers: Sequence[int]) -> list[int | Exception]:
    """Have the first ask, and all others while it is answered; return what each got."""
    together: Together[int, int] = Together()

    def ask(number: int) -> int | Exception:
        try:
            return together.ask(number, work.answer)
        except Exception as error:  # noqa: BLE001 - returned for the test to see
            return error

    with ThreadPoolExecutor(len(numbers)) as threads:
        asked = [threads.submit(ask, numbers[0])]
        assert work.begun.wait(30)
        asked += [threads.submit(ask, number) for number in numbers[1:]]
        eventually(lambda: len(together._waiting) == len(numbers) - 1, what="all others wait")  # noqa: SLF001 - see above
        work.go_on.set()
        return [one.result(30) for one in asked]


def test_what_comes_meanwhile_is_one_group(work: Work) -> None:
    """The first does not wait for others; they are answered together, each with its own answer."""
    assert ask_all(work, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert [work.groups[0], sorted(work.groups[1])] == [[1], [2, 3, 4]]


def test_an_error_is_everybodys_of_the_group_and_nobody_elses(work: Work) -> None:
    """And who was to answer next does so all the same."""
    first, *others = ask_all(work, [13, 2, 3])
    assert isinstance(first, LookupError)
    assert others == [4, 6]


def test_after_an_error_the_next_is_answered(work: Work) -> None:
    """Nothing is left at work."""
    together: Together[int, int] = Together()
    work.go_on.set()
    with pytest.raises(LookupError):
        together.ask(13, work.answer)
    assert together.ask(4, work.answer) == 8
