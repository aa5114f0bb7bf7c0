"""Celery's signals that concern the process: logging is ours, in workers, beat and Flower alike."""

from typing import Any

from celery.signals import setup_logging

from worker.logs import configure
from worker.settings import Settings


@setup_logging.connect
def take_over_logging(**_: Any) -> None:
    """Configure our logs; that a receiver exists keeps Celery from configuring its own."""
    configure(Settings.load())
