"""`booking serve` that is patient with servers that are only slow: run as a module, with the command's arguments."""

from booking_client import asking
from tasks.calcom_webhooks import hints
from worker.api import threads
from worker.api.calcom_webhooks import receive
from worker.cli import main

asking.PATIENCE = threads.PATIENCE = hints.WITHIN = receive.WITHIN = 30.0

if __name__ == "__main__":
    main()
