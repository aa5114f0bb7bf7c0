"""`python -m worker.cli`: the same as `booking`."""

from worker.cli import main

main()
