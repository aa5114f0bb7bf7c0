"""Correlation ids: always one, never another's."""

import threading

import pytest

from booking_client import correlation


def test_a_given_id_is_current_inside_the_block_and_gone_after_it() -> None:
    """A bound id reaches the code inside and nothing else."""
    with correlation.bound("call-1") as bound_id:
        inside = correlation.current()
    assert (bound_id, inside, correlation.current()) == ("call-1", "call-1", None)


def test_no_id_keeps_the_one_that_is_bound_and_makes_one_where_there_is_none() -> None:
    """A retry inside a task belongs to the task's story."""
    with correlation.bound() as made, correlation.bound() as kept:
        assert made
        assert kept == made


def test_the_outer_id_comes_back_even_when_the_block_raises() -> None:
    """A worker's thread serves many bookings: a failed one leaves no id behind."""
    with correlation.bound("outer"):
        with pytest.raises(RuntimeError), correlation.bound("inner"):
            raise RuntimeError
        assert correlation.current() == "outer"


def test_another_thread_does_not_see_the_id() -> None:
    """Two bookings on two threads never share an id."""
    seen: list[str | None] = []
    with correlation.bound("mine"):
        other = threading.Thread(target=lambda: seen.append(correlation.current()))
        other.start()
        other.join(5)
    assert seen == [None]


def test_new_ids_differ() -> None:
    """An id names one story."""
    assert len({correlation.new() for _ in range(1000)}) == 1000
