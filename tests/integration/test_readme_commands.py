"""The commands of the README's first hour, as any Celery user would type them, with four variables set."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.fleet import Fleet, eventually
from worker.local.embedded.server import free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_migrate_enqueue_worker_beat_and_flower_work_as_typed(
    empty_database_url: str, redis_url: str, simulator: Any, tmp_path: Path
) -> None:
    """Four variables, five commands: a file of requests ends as bookings, and Flower shows its page."""
    simulator.settings(rate_limit=0)
    four = {
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": redis_url,
        "CALCOM_BASE_URL": simulator.url,
        "CALCOM_API_KEY": "cal_test_owner",
    }
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **four}  # noqa: TID251 - only these four
    lines = [
        {
            "event_type_id": 110,
            "start": f"2030-03-01T{hour:02}:00:00Z",
            "attendee": {"name": "Pat Example", "email": f"pat{hour}@example.com", "time_zone": "UTC"},
        }
        for hour in range(10)
    ]
    (tmp_path / "requests.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    typed = Fleet(environment, tmp_path)

    def booking(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    port = free_port()
    try:
        booking("migrate")
        typed.celery("worker")
        typed.celery("beat")
        typed.celery("flower", f"--port={port}", "--address=127.0.0.1")
        booking("enqueue", str(tmp_path / "requests.jsonl"))
        eventually(lambda: len(simulator.bookings()) == 10, what="ten bookings")
        eventually(lambda: _page(f"http://127.0.0.1:{port}/"), what="Flower's page")
    finally:
        typed.stop()


def _page(url: str) -> bool:
    try:
        return "Flower" in requests.get(url, timeout=2).text
    except requests.RequestException:  # also one that was not answered in time
        return False
