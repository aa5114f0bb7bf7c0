"""The life of a booking as a machine that can be searched: two workers, and everybody else."""

from collections.abc import Iterator

from tests.model.life import world_steps
from tests.model.life.state import Phase, Rules, World, same, tidy
from tests.model.life.worker_steps import Steps
from tests.model.product import dealt
from tests.model.search import TICK, Step

NAMES = "AB"


class Life:
    """One booking's life under these assumptions and guards."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    searched = staticmethod(dealt)

    def beginnings(self) -> Iterator[Step]:
        """Yield the first states."""
        return world_steps.beginnings()

    def following(self, world: World) -> Iterator[Step]:
        """Yield every step out of a state."""
        one, other = world.workers
        for place in (0,) if one == other else (0, 1):
            yield from Steps(world, place, self.rules).all()
        yield from world_steps.steps(world, self.rules)

    def canonical(self, world: World) -> World:
        """Return the one state that stands for all with the same future: the workers are alike."""
        return same(tidy(world, self.rules))

    def describe(self, step: Step, world: World) -> tuple[str, World]:
        """Tell a step so that the workers keep their names."""
        world = tidy(step.world, self.rules)
        if step.text == TICK:
            frozen = [name for name, one in zip(NAMES, world.workers, strict=True) if one.phase == Phase.CHECKED]
            return step.text + "".join(f"; {name} is frozen" for name in frozen), world
        return step.text.format("" if step.worker is None else NAMES[step.worker]), world
