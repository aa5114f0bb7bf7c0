"""The host's worker, whose tasks book with us: `celery -A shop_worker worker`."""

import os
from typing import Any

from celery import shared_task
from shop import REQUEST, elsewhere, shop

from worker import BookingRequest, enqueue_booking

shop.conf.result_backend = os.environ["CELERY_BROKER_URL"]  # noqa: TID251 - a host has its own settings


@shared_task(name="shop.book")
def book() -> dict[str, Any]:
    """Book, and return what Celery is afterwards in this child of the worker."""
    enqueue_booking(BookingRequest.model_validate(REQUEST))
    return elsewhere()
