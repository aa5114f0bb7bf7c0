"""What the shop's tests share."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Write down what a test has seen: it must be the same before and after."""

    def write(*seen: Any) -> None:
        with Path(os.environ["SEEN"]).open("a") as file:
            file.writelines(f"{request.node.name}: {json.dumps(one, sort_keys=True)}\n" for one in seen)

    return write
