"""The shop's Celery is its own: in each thread, in each process, in its worker."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tasks import order, send_mail
from worker import app

CHANGES = re.compile(
    r"[\d-]{10} [\d:]{8}(,\d{3})?|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|ForkPoolWorker-\d+|\b0x\w+|[\d.]+s(?=:)"
)
SHOPS = {"current": "shop", "default": "shop", "task": "shop", "queue": "shop", "broker": "kombu.transport.redis"}
STOPPED = "01234567-89ab-cdef-0123-456789abcdef"


def eventually(condition: Callable[[], Any]) -> None:
    """Wait for a condition, with a bound."""
    ends_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends_at
        Event().wait(0.1)


@pytest.fixture
def worker_logs(tmp_path: Path) -> Iterator[Path]:
    """Run the shop's worker, with one child; its log and its standard output are in the folder."""
    options = "-P prefork -c 1 -Q shop -l INFO -n shop@test --without-mingle --without-gossip"
    with (tmp_path / "out").open("w") as out, (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "celery", "-A", os.environ["SHOP_APP"], "worker", *options.split()]
        process = subprocess.Popen(command, stdout=out, stderr=log)
        yield tmp_path
        print((tmp_path / "log").read_text())  # shown if the test fails
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_process_of_the_shop(line: Callable[..., None]) -> None:
    """Its applications in two threads, its transports, its logs and what it prints, before an order and after."""
    ran = subprocess.run([sys.executable, "watch.py", "1"], capture_output=True, text=True, timeout=110)

    assert ran.returncode == 0, ran.stderr
    before, after = map(json.loads, ran.stdout.splitlines())
    assert before == after
    assert before["here"] == before["there"] == SHOPS
    line(*before.items(), *ran.stderr.splitlines())


def test_the_worker_of_the_shop(worker_logs: Path, line: Callable[..., None]) -> None:
    """Its tasks, its child, its Revoke, its log, and no port that it did not open."""
    log, out = worker_logs / "log", worker_logs / "out"
    assert order.delay(2).get(timeout=60) == [SHOPS, SHOPS]
    eventually(lambda: "succeeded in" in log.read_text())  # before the next task is received
    assert send_mail.delay("ann@example.com").get(timeout=60) == "sent to ann@example.com"
    eventually(lambda: log.read_text().count("succeeded in") == 2)
    app.control.revoke(STOPPED)
    eventually(lambda: STOPPED in str(app.control.inspect().revoked()))
    send_mail.apply_async(["bo@example.com"], task_id=STOPPED)
    eventually(lambda: "Discarding revoked" in log.read_text())
    with socket.socket() as asked:
        assert asked.connect_ex(("127.0.0.1", int(os.environ["METRICS_PORT"]))), "a port is open"
    line(*(CHANGES.sub("...", one) for file in (log, out) for one in file.read_text().splitlines()))
