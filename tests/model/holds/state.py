"""Somebody who waits, what the world does to them, and what the breaker knows of that: the state that the search walks.

Time is a tick of an hour, in which whatever was to come has come.
"""

from enum import StrEnum
from typing import NamedTuple

from resilience.circuit_breaker.types import State
from tests.model.holds.record import Rows

DEFAULT, SALON = 1, 2  # accounts: that of the settings, and another one


class Cause(StrEnum):
    """What the world does that holds somebody; the comment says how it ends."""

    NONE = "the world is well"
    KEY = "Cal.com refuses the key"  # it is good again, or another one is given
    PAGE = "a page answers each POST"  # it is gone
    NOWHERE = "the settings lead nowhere"  # they are right again, or others are given
    HOURS = "Cal.com asks to wait for hours"  # Cal.com takes calls again
    SICK = "the breaker is open"  # its time is over
    PAUSE = "an operator pauses the account"  # he resumes it
    UNREADABLE = "no worker can decrypt the account's key"  # the encryption key is found


class Marks(NamedTuple):
    """What the breaker knows of an account's calls, as docs/states.md has it."""

    blocked: bool = False  # the key is refused
    wrong: bool = False  # another server answers the harmless call
    paged: bool = False  # another server has answered a POST
    throttled: bool = False  # a 429 asks for hours
    state: State = State.CLOSED


NO_MARKS = Marks()


class World(NamedTuple):
    """A state of the whole; `key` and `settings` are those of today.

    `left`: so many causes may still begin, `wishes` and `orders`: so much may still be asked for. `wrong`: the promise
    that was broken.
    """

    rows: Rows
    cause: Cause = Cause.NONE
    marks: Marks = NO_MARKS
    closed: bool = False
    key: str = "key"
    settings: str = "settings"
    left: int = 1
    wishes: int = 0
    orders: int = 0
    wrong: str | None = None
