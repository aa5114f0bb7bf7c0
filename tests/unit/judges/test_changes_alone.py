"""A change that stays held when its cause is over is told, and those who ask go on afterwards."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.faults.changes_alone import alone
from tests.chaos.processes.caller import SILENT

CHANGE = (3, 7)  # its number, and its booking's


class Environment:
    """An environment in which no booking lives, and a change is held as long as these readings say so."""

    part = SimpleNamespace(minute=3.0)

    def __init__(self, folder: Path, held: Iterator[list[tuple[int, int]]]) -> None:
        self.receipts, self.waits, self.stayed = folder / "receipts", threading.Event(), list[str]()
        self.calcom, self.ordered, self.held = self, list[str](), held

    def order(self, method: str, _path: str, _body: object = None) -> dict[str, Any]:
        """Take an order to Cal.com."""
        self.ordered.append(method)
        return {"faults": [{"id": 1}]}

    def sql(self, _statement: str, **of: str) -> list[tuple[int, int]]:
        """Return what is held; without a reason, what lives of bookings."""
        assert self.receipts.with_suffix(SILENT).exists()
        return next(self.held) if of else []

    def until(self, condition: Callable[[], object], _seconds: float) -> bool:
        """Ask once."""
        return bool(condition())


@pytest.mark.parametrize(
    ("readings", "met", "told"),
    [
        ([[CHANGE], []], True, []),
        ([[], []], False, []),
        ([[CHANGE], [CHANGE], [CHANGE]], True, ["booking 7: its change 3 is held (credentials)"]),
    ],
)
def test_what_stays_is_told(tmp_path: Path, readings: list[list[tuple[int, int]]], met: bool, told: list[str]) -> None:  # noqa: FBT001
    """Not what goes, and not what has met nothing."""
    environment: Any = Environment(tmp_path, iter(readings))
    assert alone({"kind": "status"}, "credentials", environment, random.Random(1)) is met  # noqa: S311 - no secret
    assert [line.partition(",")[0] for line in environment.stayed] == told
    assert environment.ordered == ["POST", "DELETE"]
    assert not environment.waits.is_set()
    assert not environment.receipts.with_suffix(SILENT).exists()
