"""Orders, in the shop's own table."""

import guest
from django.db import connection, transaction


def place_order(number: int, *, fails: bool = False) -> None:
    """Write an order, and book for it, in one transaction."""
    from orders.models import Appointment

    with transaction.atomic():
        Appointment.objects.create(id=number)
        guest.before_commit(number, connection)
        if fails:
            raise ValueError("the card is refused")
    guest.after_commit(number)
