"""Deliver one callback, at least once: a worker that dies before it has recorded the answer leaves it to the next one.

No transaction is open while the receiver is called. The claim's number is what a worker has to show when it records.
"""

import random

from sqlalchemy import func, select

from db import callbacks
from db.callbacks import Callback
from tasks import dependencies
from tasks.callbacks import due
from tasks.callbacks.sending import WITHIN, SendResult, body_of, delay, headers_of, post
from tasks.callbacks.signing import SigningError
from tasks.host.application import app
from tasks.host.log import Logger

NOT_SIGNED_FOR = 60.0  # seconds until a callback that could not be signed is tried again
UNTRIED_FOR = 5.0  # seconds until one whose host's name could not be looked up is tried again

log = Logger(__name__)
_chance = random.Random()  # noqa: S311 - spreads load, hides nothing


@app.task(name=due.TASK, send_events=False)
def deliver_callback(callback_id: int, claims: int) -> bool:
    """Send a callback that was claimed; return whether the receiver took it."""
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        callback = callbacks.claimed(conn, callback_id, claims, seconds=WITHIN + 2)
        now = conn.execute(select(func.now())).scalar_one()
    if callback is None:
        return False
    try:
        body = body_of(callback)
        headers = headers_of(callback, deps.callbacks, body, now)
    except (SigningError, ImportError) as error:
        with deps.engine.begin() as conn:
            callbacks.put_off(conn, callback, claims, trouble=str(error), seconds=NOT_SIGNED_FOR)
        log.warning("callback_not_signed", callback=callback.name, error=str(error))
        return False
    came_of = post(callback, headers, body, deps.callbacks)
    _record(callback, claims, came_of)
    due.send_next()
    return came_of.trouble is None


def _record(callback: Callback, claims: int, came_of: SendResult) -> None:
    with dependencies.current().engine.begin() as conn:
        if came_of.trouble is None:
            callbacks.delivered(conn, callback, claims)
            return
        if came_of.untried:
            callbacks.put_off(conn, callback, claims, trouble=came_of.trouble, seconds=UNTRIED_FOR)
            given_up = False
        elif came_of.gone:
            callbacks.switch_off(conn, callback, claims)
            given_up = True
        else:
            retry_in = delay(callback.tries, came_of.retry_after, _chance.random())
            callbacks.failed(conn, callback, claims, trouble=came_of.trouble, retry_in=retry_in, hurts=came_of.hurts)
            given_up = retry_in is None
    log.warning("callback_not_delivered", callback=callback.name, trouble=came_of.trouble, given_up=given_up)
