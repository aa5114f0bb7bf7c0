"""Dealt telephone calls, while all is hurt: no sentence is untrue, and each request is booked once."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from db.engine import make_engine
from db.lifecycle import FINAL, OVER
from tasks.callers.sentences import Said
from tasks.changes.ask.spoken import SaidOfChange
from tests.chaos.calls.calling import Calling
from tests.chaos.calls.deal import FAULTS, House, deal
from tests.chaos.calls.hearing import CLAIMS, Key
from tests.chaos.calls.house import ChaosHouse, orders_in
from tests.chaos.calls.judge import Reply, Story, meant, retold, untrue
from tests.chaos.calls.world import World, prepare
from tests.sizes import Counted, sizes
from tests.support.api.agents import SECRETS
from tests.support.api.served import Serving
from tests.support.fleet import Fleet, eventually
from worker.api.voice.sentences import Asked

if TYPE_CHECKING:
    from worker.local.embedded import Postgres

FEW, MANY, AT_ONCE = 12, 500, 32
OF_FEW = 195  # this seed deals an outage, a kill between commit and answer and a killed Postgres to the few
SETTINGS = {
    "CALCOM_READ_TIMEOUT": "5",
    "CALCOM_DEADLINE": "5",
    "CALCOM_SETTLE_SECONDS": "8",
    "CIRCUIT_BREAKER_THRESHOLD": "10",
    "CIRCUIT_BREAKER_WINDOW": "5",
    "FIRE_MARGIN": "2",
}
# These are heard for a moment that a deal may miss, or of what is not dealt, as an operator's hold.
SELDOM: frozenset[Key] = frozenset(
    {
        Said.BEHIND,
        Said.BUSY,
        Said.OPERATOR,
        SaidOfChange.OPERATOR,
        SaidOfChange.MOVED,
        SaidOfChange.MOVED_ALREADY,
        SaidOfChange.MOVE_OUTAGE,
        SaidOfChange.MOVE_BUSY,
        SaidOfChange.MOVE_TAKEN,
        SaidOfChange.MOVE_REFUSED,
        SaidOfChange.CANCEL_OUTAGE,
        SaidOfChange.CANCEL_BUSY,
        SaidOfChange.CANCEL_REFUSED,
        SaidOfChange.CANCEL_FAILED,
        Asked.WHICH,
    }
)
_UNSETTLED = """
    SELECT (SELECT count(*) FROM appointments WHERE status <> ALL(%(final)s))
    + (SELECT count(*) FROM booking_changes WHERE status <> ALL(%(over)s))
"""


@contextmanager
def a_house(fleet: Fleet, simulator: Any, postgres: "Postgres", folder: Path, seed: int) -> Iterator[ChaosHouse]:
    """Run workers, beat and two processes of the API."""
    engine = make_engine(fleet.environment["DATABASE_URL"])
    with Serving({**fleet.environment, **SECRETS}, engine, folder) as serving:
        orders = orders_in(Path(fleet.environment["FIRE_FOLDER"]))
        house = ChaosHouse(fleet, serving, postgres, simulator, orders, seed)
        house.start()
        yield house
    engine.dispose()


def settled(database_url: str) -> bool:
    """Return whether nothing moves any more."""
    with psycopg.connect(database_url) as conn:
        [moving] = conn.execute(_UNSETTLED, {"final": [*FINAL], "over": [*OVER]}).fetchone() or (1,)
    return not moving


@sizes(FEW, many=MANY)
def test_no_sentence_of_a_dealt_call_is_untrue_and_each_request_is_booked_once(
    fleet: Callable[..., Fleet],
    simulator: Any,
    postgres: "Postgres",
    tmp_path: Path,
    size: int,
    seed: int | None,
    counted: Counted,
) -> None:
    """Each call asks again, in both forms of Retell or at Vapi, for a booking, a move or a cancel."""
    seed = OF_FEW if seed is None else seed
    made = fleet(**SETTINGS, FIRE_FOLDER=str(tmp_path / "orders"))
    database_url, dealt = made.environment["DATABASE_URL"], deal(seed, size)
    prepare(simulator, dealt)
    with a_house(made, simulator, postgres, tmp_path, seed) as house, ThreadPoolExecutor(AT_ONCE) as agents:
        caller = house.apis[0].key()
        calls = [Calling(one, house, caller, database_url) for one in dealt]
        list(agents.map(Calling.run, calls))
        house.settle()
        simulator.no_faults()
        eventually(lambda: settled(database_url), within=120, what="all bookings and changes have ended")
        list(agents.map(Calling.last_word, calls))
    world = World.read(database_url, simulator)
    stories = list(world.stories(calls))

    counts = counts_of(stories, house, world)
    for name, number in sorted(counts.items()):
        counted(name, number)
    wrong = {story.dealt.number: list(untrue(story)) for story in stories}
    told = [line for story in stories if wrong[story.dealt.number] for line in retold(story)]
    found = [*(line for lines in wrong.values() for line in lines), *world.wrong()]
    assert not found, "\n".join([f"seed {seed}", *found, *told])
    if size == MANY:
        assert wanted() - counts.keys() == set()


def counts_of(stories: Sequence[Story], house: ChaosHouse, world: World) -> Counter[str]:
    """Count what the calls heard, what has struck them, and what Cal.com did."""
    heard = Counter(name for story in stories for reply in story.replies for name in names(story, reply))
    struck = Counter({str(name): number for name, number in house.struck.items()})
    unmet = Counter({f"{name}, not met": number for name, number in house.unmet.items()})
    return heard + struck + unmet + Counter(f"Cal.com: {call['fault']}" for call in world.journal if call["fault"])


def names(story: Story, reply: Reply) -> set[str]:
    """Return what an answer counts as; entries of the same words are one name each."""
    return {meaning.name for meaning in meant(story.dealt, reply)} or {"nothing heard"}


def wanted() -> set[str]:
    """Return what is dealt, or heard, at least once at full size."""
    sentences = {f"{type(key).__name__}.{key.name}" for key in CLAIMS if key not in SELDOM}
    return sentences | set(House) | {f"Cal.com: {order['kind']}" for order in FAULTS.values()}
