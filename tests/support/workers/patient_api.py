"""`booking serve` that is patient with servers that are only slow: run as a module, with the command's arguments."""

from booking_client import asking
from tasks.calcom_webhooks import hints
from worker.api import app
from worker.api.calcom_webhooks import receive
from worker.api.concurrency import threads
from worker.cli import main

asking.PATIENCE = threads.PATIENCE = hints.WITHIN = receive.WITHIN = 30.0
app.LOCK_TIMEOUT_MS = 30_000

if __name__ == "__main__":
    main()
