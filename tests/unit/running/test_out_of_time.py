"""Which errors say that a wait ran out of its time, and which say that something is wrong."""

import psycopg
import pytest
import redis
import requests
from sqlalchemy import exc

from tests.running.second_look import ran_out
from tests.running.waiting import RanOut


def raised(error: BaseException, *, during: BaseException) -> BaseException:
    """Return an error as it is when it was raised while another was handled."""
    error.__context__ = during
    return error


def of_database(error: Exception) -> Exception:
    """Return what SQLAlchemy raises for an error of the driver."""
    return exc.OperationalError("SELECT 1", None, error)


@pytest.mark.parametrize(
    "error",
    [
        RanOut("not within 60 s"),
        TimeoutError(),
        requests.ReadTimeout(),
        redis.TimeoutError(),
        psycopg.errors.ConnectionTimeout(),
        of_database(psycopg.errors.ConnectionTimeout()),
        of_database(psycopg.errors.QueryCanceled()),
        exc.TimeoutError(),
        ExceptionGroup("two", [TimeoutError(), redis.TimeoutError()]),
        raised(requests.ReadTimeout(), during=TimeoutError()),
        raised(RanOut(""), during=KeyError()),
    ],
    ids=repr,
)
def test_a_wait_ran_out(error: BaseException) -> None:
    """Also where one error was raised for the other."""
    assert ran_out(error)


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("not within 60 s"),
        pytest.fail.Exception("timeout"),
        redis.ConnectionError(),
        psycopg.OperationalError("timeout expired"),
        of_database(psycopg.OperationalError()),
        requests.ConnectionError(),
        ExceptionGroup("two", [TimeoutError(), ValueError()]),
        raised(TimeoutError(), during=AssertionError()),
        raised(AssertionError(), during=TimeoutError()),
        raised(RanOut(""), during=pytest.fail.Exception("twice")),
    ],
    ids=repr,
)
def test_something_is_wrong(error: BaseException) -> None:
    """Whatever its words are, and whatever ran out beside it."""
    assert not ran_out(error)
