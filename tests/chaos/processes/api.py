"""`booking serve` as the fire suite runs it: with the places where it can be hurt; run as a module, with arguments."""

from tests.chaos.processes import entry  # noqa: F401 - puts the steps in place
from worker.cli import main

if __name__ == "__main__":
    main()
