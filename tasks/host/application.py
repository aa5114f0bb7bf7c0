"""Our Celery application; `worker.celery_app` configures it.

A process that calls us may have a Celery application of its own, which stays its default. So our tasks are registered
by `@app.task`: a `@shared_task` would be registered with the host's application, too.
"""

from typing import Any

from celery import Celery
from celery.app.utils import Settings


class OwnSettings(Settings):  # type: ignore[misc]  # Celery ships no types
    """Celery's configuration, without what Celery reads from CELERY_BROKER_URL and others: they may be the host's."""

    result_backend = None

    @property
    def broker_url(self) -> Any:
        """Return what our own settings say; they read CELERY_BROKER_URL, too."""
        return self["broker_url"]

    broker_read_url = broker_write_url = broker_url


class Application(Celery):  # type: ignore[misc]  # the same
    """Celery's application, with the configuration that `worker.celery_app` gives it and no other."""

    def _load_config(self) -> Any:
        configuration = super()._load_config()
        configuration.__class__ = OwnSettings
        return configuration

    def forget_connections(self) -> None:
        """Make the pool, and what sends by it, again at their next use."""
        self._pool = None
        for sender in ("amqp", "control"):  # the second keeps the first one's connections
            self.__dict__.pop(sender, None)


# Without fix-ups: Celery's for Django makes the first application that it meets the default one.
app = Application("booking-worker", set_as_current=False, fixups=())
