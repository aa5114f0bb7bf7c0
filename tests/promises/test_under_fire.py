"""Promises 1 and 2 when things die, and weak evidence ends nothing: the fire suite in its short form.

The long form is `make promises`. Here each kind of fault strikes once, so that none of them is forgotten.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos.kinds import KINDS
from tests.chaos.parts import PARTS, planned
from tests.chaos.schedule import DOORS_LANES, HOSTS_LANES, KINDS_LANES, LANES, TELLING_LANES, plan

FAULTS = (
    "Valkey: emptied",
    "Valkey: killed",
    "Postgres: killed",
    "Postgres: connections ended",
    "network to calcom: cut",
    "Cal.com: killed",
    "Cal.com: books, then hangs",
    "Cal.com: books, then resets",
    "Cal.com: books, then 500",
    "Cal.com: 502 while it works",
    "Cal.com: 503",
    "a process: killed",
    "killed when the claim is written",
    "killed when it is sent",
    "killed when it is answered",
    "killed when a deciding look",
    "killed when its task is done",
    "messages: doubled",
    "revoked from Flower",
)
KEPT = {
    "lost": [],
    "double": [],
    "contradictions": [],
    "blind": [],
    "waiting": [],
    "by_hand": [],
    "miscounted": [],
    "transactions": [],
    "callbacks": [],
    "of_others": [],
    "unwalked": [],
    "untrue": [],
}


def fire(part: str, only: Sequence[str], **most: int) -> dict[str, Any]:
    """Run a part with the faults whose names begin so; return what became of it, which kept every promise."""
    options = ("--part", part, *(f"--{name}={number}" for name, number in most.items()), "--only", *only)
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--seed=1", "--json", "--quiet", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    ended: dict[str, Any]
    [ended] = json.loads(done.stdout)["parts"]
    assert done.returncode == 0, "\n".join(ended["stories"])
    assert ended["verdict"] == KEPT
    assert ended["bookings"] >= most["bookings"]
    return ended


@pytest.mark.long
def test_nothing_is_lost_or_booked_twice_and_no_kind_is_told_what_is_not_so_under_fire() -> None:
    """Rounds of all kinds and one fault of each kind, side by side, with the key of one of two hosts.

    What that key's list does not show is no proof.
    """
    ended = fire("host", FAULTS, bookings=204, faults=len(FAULTS), seconds=22)
    assert ended["faults"] >= len(FAULTS) - 3, "now and then nobody comes to a step"
    assert set(ended["kinds"]) == set(KINDS)


@pytest.mark.long
def test_each_move_reaches_a_receiver_that_answers_at_last_and_no_false_webhook_is_believed_under_fire() -> None:
    """The API, the worker of callbacks and the receiver die; a second receiver is dead all the time."""
    only = ("api: killed", "callbacks: killed", "receiver:", "a worker: killed")
    fire("callbacks", only, bookings=60, faults=9, seconds=20)


def test_the_same_seed_deals_the_same_faults() -> None:
    """What a run has found can be looked for again."""
    assert plan(7, 200) == plan(7, 200)
    assert plan(7, 200) != plan(8, 200)


def test_a_long_run_deals_every_fault() -> None:
    """None is left to chance."""
    part = PARTS["faults"]
    assert {one.fault for one in plan(1, part.faults)} == {name for named in LANES.values() for name in named}
    part = PARTS["callbacks"]
    dealt = {one.fault for one in plan(1, part.faults, lanes=part.lanes)}
    assert dealt == {name for named in TELLING_LANES.values() for name in named}


def test_all_kinds_meet_every_fault_that_is_theirs() -> None:
    """Over the parts of the same lanes together; and 2,000 bookings are asked for."""
    of_kinds = [(part, faults) for _, part, faults in planned(1) if part.of_kinds]
    for lanes in (KINDS_LANES, DOORS_LANES, HOSTS_LANES):
        dealt = {(one.lane, one.fault) for part, faults in of_kinds if part.lanes is lanes for one in faults}
        assert {lane for lane, _ in dealt} == set(lanes)
        wanted = {(lane, name) for lane, named in lanes.items() for name in named}
        assert dealt == wanted if lanes is KINDS_LANES else {one for one in wanted if one[0] != "processes"} <= dealt
    assert sum(part.bookings for part, _ in of_kinds) >= 2000


def test_a_part_by_itself_meets_the_same_faults() -> None:
    """What a part has found can be looked for without the others."""
    assert list(planned(7, ["lag"])) == [one for one in planned(7) if one[0] == "lag"]
