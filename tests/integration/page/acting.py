"""A Flower without a login, and a browser that has opened it by the link with its token."""

from collections.abc import Callable
from typing import Any

from tests.support.fleet import Fleet
from tests.support.flower_pages import FlowerUnderTest, start_flower

TOKEN = "of-" + "random" * 4


def start_flower_to_act(fleet: Callable[..., Fleet], *options: str, **more: Any) -> FlowerUnderTest:
    """Start one as `start_flower` does; from the first request on its viewer may act."""
    flower = start_flower(fleet, *options, PAGE_TOKEN=TOKEN, **more)
    flower.get("/resilience", params={"token": TOKEN})
    return flower
