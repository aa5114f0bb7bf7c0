"""The shop's tables."""

from django.db import models


class Appointment(models.Model):  # noqa: DJ008 - shown nowhere
    """An order of the shop; its table has a name that booking-worker uses, too."""

    id = models.BigIntegerField(primary_key=True)

    class Meta:
        """Name the table."""

        db_table = "appointments"
