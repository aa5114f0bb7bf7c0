"""The shop's Celery, with logs of its own: `celery -A worker worker`."""

import logging
import os
import sys
from typing import Any

from celery import Celery, signals

app = Celery("shop", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_BROKER_URL"])
app.conf.update(task_default_queue="shop", broker_connection_retry_on_startup=True)
app.set_default()


@signals.setup_logging.connect
def log_as_the_shop_does(**_: Any) -> None:
    """Log in the shop's own way."""
    logging.basicConfig(stream=sys.stderr, format="SHOP %(name)s %(levelname)s %(message)s", level=logging.INFO)


import tasks  # noqa: E402, F401 - they are this application's
