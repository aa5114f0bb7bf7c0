"""`booking` that is patient with a Postgres that is only slow: run as a module, with the command's arguments."""

from booking_client import asking
from worker.cli import main

asking.PATIENCE = 30.0

if __name__ == "__main__":
    main()
