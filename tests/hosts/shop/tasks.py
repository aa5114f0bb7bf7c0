"""The shop's own tasks."""

from typing import Any

from celery import shared_task

from db import place_order


@shared_task(name="shop.send_mail")
def send_mail(address: str) -> str:
    """Stand for any task of the shop."""
    return f"sent to {address}"


@shared_task(name="shop.order")
def order(number: int) -> list[Any]:
    """Place an order, and return what Celery is before and afterwards in this child of the worker."""
    from watch import celery_here

    before = celery_here()
    place_order(number)
    return [before, celery_here()]
