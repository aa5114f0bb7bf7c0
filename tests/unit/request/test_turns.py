"""A turn goes to the thread that has waited longest, and none is lost."""

import threading

from booking_client.database.turns import Turns
from tests.support.fleet import eventually

WITHIN = 60.0


def test_a_turn_that_is_given_back_goes_to_the_thread_that_waits() -> None:
    """The thread that gave it cannot take it again, even before the other one runs."""
    turns = Turns(1)
    assert turns.take(0)
    took: list[bool] = []
    waiting = threading.Thread(target=lambda: took.append(turns.take(WITHIN)), daemon=True)
    waiting.start()
    eventually(lambda: turns.waiting == 1)
    turns.give()

    assert not turns.take(0)
    waiting.join(WITHIN)
    assert took == [True]


def test_a_thread_whose_time_is_over_takes_no_turn_with_it() -> None:
    """The next turn goes to the thread after it."""
    turns = Turns(2)
    assert [turns.take(0) for _ in range(3)] == [True, True, False]
    turns.give()
    assert (turns.take(0), turns.waiting) == (True, 0)


def test_many_threads_get_their_turns() -> None:
    """None waits until its time is over, and at the end all turns are there again."""
    turns, at_work, most = Turns(3), 0, 0
    lock = threading.Lock()
    taken: list[bool] = []

    def work() -> None:
        nonlocal at_work, most
        for _ in range(50):
            taken.append(turns.take(WITHIN))
            with lock:
                at_work += 1
                most = max(most, at_work)
            with lock:
                at_work -= 1
            turns.give()

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)

    assert (len(taken), all(taken), most <= 3) == (1500, True, True)
    assert [turns.take(0) for _ in range(4)] == [True, True, True, False]
