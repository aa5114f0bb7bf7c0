"""`booking serve` as the fire suite runs it: with the places where it can be hurt; run as a module, with arguments."""

from tests.chaos.faults import steps
from tests.chaos.processes import entry
from worker.cli import main

entry.hook(steps.API_STEPS)  # beside those of all processes

if __name__ == "__main__":
    main()
