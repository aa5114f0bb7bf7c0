"""Plain Celery, to stand beside: one POST a task, retried by Celery's own backoff; no breaker, no look, no record."""

from typing import Any

import requests
from celery import Celery

app = Celery("plain_celery")


@app.task(autoretry_for=(requests.RequestException,), retry_backoff=True, max_retries=3)
def book(url: str, key: str, body: dict[str, Any]) -> None:
    """Book once; whatever goes wrong is tried again after about 1, 2 and 4 seconds."""
    headers = {"Authorization": f"Bearer {key}", "cal-api-version": "2024-08-13"}
    requests.post(url + "/v2/bookings", json=body, headers=headers, timeout=30).raise_for_status()
