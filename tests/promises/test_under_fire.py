"""Promises 1 and 2 when things die: the fire suite in its short form, and what it would say of a product that lies.

The long form is `make promises`. Here each kind of fault strikes once, so that none of them is forgotten.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fire_judge import verdict
from fire_schedule import LANES, plan

from worker.demo.judge import Row

FIRE = Path(__file__).parent / "fire"
FAULTS = (
    "Valkey: emptied",
    "Valkey: killed",
    "Postgres: killed",
    "Postgres: connections ended",
    "network to calcom: cut",
    "Cal.com: books, then hangs",
    "Cal.com: 503",
    "a process: killed",
    "clock: a worker's an hour ahead",
    "killed when the claim is written",
    "killed when it is sent",
    "killed when it is answered",
    "killed when its task is done",
    "messages: doubled",
    "revoked from Flower",
)


def test_nothing_is_lost_and_nothing_is_booked_twice_under_fire() -> None:
    """300 bookings and one fault of each kind, side by side."""
    options = ("--seed", "1", "--bookings", "300", "--faults", str(len(FAULTS)), "--seconds", "22", "--json", "--quiet")
    ran = subprocess.run(
        [sys.executable, str(FIRE), *options, "--only", *FAULTS], capture_output=True, text=True, check=False
    )
    assert ran.returncode in {0, 1}, ran.stderr
    ended = json.loads(ran.stdout)
    assert ran.returncode == 0, "\n".join(ended["stories"])
    assert ended["verdict"] == {"lost": [], "double": [], "contradictions": []}
    assert ended["bookings"] >= 300
    assert ended["faults"] >= len(FAULTS) - 3, "now and then nobody comes to a step"


def test_the_same_seed_deals_the_same_faults() -> None:
    """What a run has found can be looked for again."""
    assert plan(7, 200) == plan(7, 200)
    assert plan(7, 200) != plan(8, 200)


def test_a_long_run_deals_every_fault() -> None:
    """None is left to chance."""
    assert {one.fault for one in plan(1, 200)} == {name for named in LANES.values() for name in named}


BOOKED = {"uid": "u1", "status": "accepted", "metadata": {"bookingWorkerRef": "r1"}, "attendees": []}
COMMIT = {"reference": "r1", "committed_at": 1.0}
CONFIRMED = Row(1, "r1", "confirmed", uid="u1")


@pytest.mark.parametrize(
    ("rows", "bookings", "journal", "found"),
    [
        ([], [], [], "lost"),
        ([Row(1, "r1", "retrying")], [], [], "lost"),
        ([Row(1, "r1", "held")], [], [], "lost"),
        ([CONFIRMED], [BOOKED, {**BOOKED, "uid": "u2"}], [COMMIT, COMMIT], "double"),
        ([CONFIRMED], [BOOKED, {**BOOKED, "uid": "u2", "status": "cancelled"}], [COMMIT, COMMIT], "double"),
        ([CONFIRMED], [], [COMMIT], "contradictions"),
        ([Row(1, "r1", "confirmed", uid="u9")], [BOOKED], [COMMIT], "contradictions"),
        ([Row(1, "r1", "rejected")], [BOOKED], [COMMIT], "contradictions"),
        ([Row(1, "r1", "cancelled")], [BOOKED], [COMMIT], "contradictions"),
        ([CONFIRMED], [BOOKED], [COMMIT], None),
        ([Row(1, "r1", "cancelled")], [], [], None),
    ],
)
def test_the_judge_believes_neither_side(
    rows: list[Row], bookings: list[dict[str, Any]], journal: list[dict[str, Any]], found: str | None
) -> None:
    """A booking without its row, a second one, and a row that says otherwise are each told by their name."""
    said = verdict([1], rows, bookings, journal)
    assert [name for name in ("lost", "double", "contradictions") if getattr(said, name)] == ([found] if found else [])
