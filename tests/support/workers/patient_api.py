"""`booking serve` that is patient with servers that are only slow: run as a module, with the command's arguments."""

from booking_client import asking
from resilience.shared_state.client import make_redis
from tasks.calcom_webhooks import hints
from worker.api import app, pages
from worker.api.calcom_webhooks import receive
from worker.api.concurrency import threads
from worker.cli import main


def be_patient() -> None:
    """Have this process wait for Postgres and Redis."""
    asking.PATIENCE = threads.PATIENCE = hints.WITHIN = receive.WITHIN = pages.READY_WITHIN = 30.0
    app.LOCK_TIMEOUT_MS = 30_000
    make_redis.__kwdefaults__.update(
        {"timeout": 5.0, "connect_timeout": 5.0}
    )  # a rate that Redis counts is counted there


if __name__ == "__main__":
    be_patient()
    main()
