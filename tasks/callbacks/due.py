"""Give the callbacks that are due to the workers of the queue `callbacks`: one message each, an id and its claim."""

from sqlalchemy.exc import SQLAlchemyError

from db import callbacks
from tasks import dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.work.publish import call_later

QUEUE, TASK = "callbacks", "tasks.callbacks.deliver.deliver_callback"

log = Logger(__name__)


@app.task(base=PeriodicTask, name="tasks.callbacks.due.send_due")
def send_due() -> int:
    """Send the messages of all callbacks that are due, and return how many; one whose message is lost is due again."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        claims = callbacks.claim(conn)
    for claim in claims:
        call_later(deps, TASK, QUEUE, countdown=0, args=claim)
    return len(claims)


def send_next() -> None:
    """Do the same for what has just become due; if it fails, the next tick does it."""
    try:
        send_due.run()
    except SQLAlchemyError as exc:
        log.warning("callbacks_not_claimed", error=type(exc).__name__, next="the next tick claims them")
