"""What dies is started again, and what keeps dying is started less and less often."""

from dataclasses import dataclass, field

from worker.local.up.supervisor import Supervised, Supervisor


@dataclass
class Part:
    """A process that ends when it is told to."""

    name: str = "worker 1"
    code: int | None = None
    starts: list[float] = field(default_factory=list)

    def exit_code(self) -> int | None:
        """Say how it ended."""
        return self.code

    def start(self) -> int:
        """Run again."""
        self.code = None
        self.starts.append(0)
        return 42


class Watch:
    """A supervisor with a clock of its own."""

    def __init__(self, part: Part) -> None:
        self.now = 0.0
        self.said: list[str] = []
        supervised = Supervised(part.name, part.exit_code, part.start)
        self.supervisor = Supervisor([supervised], self.said.append, lambda: self.now)

    def after(self, seconds: float) -> None:
        """Let time pass and look."""
        self.now += seconds
        self.supervisor.look()


def test_a_part_that_lives_is_left_alone() -> None:
    """Nothing is said of what works."""
    watch = Watch(part := Part())
    watch.after(5)
    assert (part.starts, watch.said) == ([], [])


def test_a_part_that_died_is_started_again_and_it_is_said() -> None:
    """With how it ended, when it comes again, and its new pid."""
    watch = Watch(part := Part())
    part.code = -9
    watch.after(1)
    assert part.starts == []
    watch.after(1)
    assert len(part.starts) == 1
    assert watch.said == ["worker 1 has ended (signal 9); it is started again in 1 s", "worker 1 runs again, pid 42"]


def test_a_part_that_keeps_dying_is_started_less_and_less_often() -> None:
    """The wait doubles, up to half a minute."""
    watch = Watch(part := Part())
    waits = []
    for _ in range(8):
        part.code = 1
        watch.after(0)
        waits.append(float(watch.said[-1].rpartition(" in ")[2].removesuffix(" s")))
        watch.after(waits[-1])
        assert part.code is None
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_part_that_lived_well_begins_anew() -> None:
    """A crash a day is not a crash loop."""
    watch = Watch(part := Part())
    for _ in range(2):
        part.code = 1
        watch.after(0)
        assert "in 1 s" in watch.said[-1]
        watch.after(1)
        watch.after(3600)
