"""The shop's Celery: `celery -A worker worker`."""

import os

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()
app = Celery("shop")
app.config_from_object("django.conf:settings", namespace="CELERY")

import tasks  # noqa: E402, F401 - they are this application's
