"""A host application with a Celery, transports and logs of its own: what books with us changes none of it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.support.fleet import Fleet, eventually
from worker.local.embedded.server import free_port
from worker.settings.environment import prefixed
from worker.settings.model import Settings

SHOP = Path(__file__).with_name("shop.py")
FIELDS = Settings.model_fields
DEAD = "redis://127.0.0.1:1/0"


def with_prefix(environment: dict[str, str]) -> dict[str, str]:
    """Give our settings by names that the host does not use; it uses CELERY_BROKER_URL and LOG_FILE itself."""
    ours = {prefixed(name.lower()): environment.pop(name) for name in list(environment) if name.lower() in FIELDS}
    return environment | ours | {"LOG_FILE": "no such folder/host.log"}


def run(folder: Path, *arguments: str, **environment: str) -> tuple[list[dict[str, Any]], str, str]:
    """Run the host; return what it wrote down, its standard output and its standard error."""
    file = folder / "found.jsonl"
    ran = subprocess.run(
        [sys.executable, str(SHOP), str(file), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in file.read_text().splitlines()], ran.stdout, ran.stderr


@pytest.mark.parametrize("in_code", [(), ("configure",)])
def test_booking_changes_nothing_of_the_host(
    settings: Callable[..., dict[str, str]], tmp_path: Path, in_code: tuple[str, ...]
) -> None:
    """Not its current application in any thread, its tasks, its transports, its pools, its logs."""
    (before, imported, booked), out, err = run(tmp_path, *in_code, **with_prefix(settings()))

    assert imported == before
    assert booked == before
    assert before["here"] == {"current": "shop", "broker": "memory://", "task": "shop", "queue": ["shop"]}
    assert before["there"] == before["here"]
    assert out == ""
    assert "booking" not in err, "what went right is not logged"


def test_a_django_project_that_imports_us_first_has_no_default_application_yet(tmp_path: Path) -> None:
    """Celery makes the first application that it meets in a Django project the default one."""
    (tmp_path / "django").mkdir()
    for name, text in {
        "__init__": "VERSION = (5, 2, 0)",
        "conf": "settings = None",
        "db": "transaction = None",
    }.items():
        (tmp_path / "django" / f"{name}.py").write_text(text)
    code = "from worker import app; from celery import _state; print(_state.default_app, _state._tls.current_app)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": str(tmp_path)}  # noqa: TID251 - as above

    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["None", "None"]


def test_a_warning_of_ours_goes_where_the_host_logs(settings: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    """A command that prints JSON would be broken by a line on its standard output."""
    (before, _, booked), out, err = run(tmp_path, **with_prefix(settings(REDIS_URL=DEAD)))

    assert (out, booked) == ("", before)
    [line] = [line for line in err.splitlines() if "publish_failed" in line]
    assert line.startswith("SHOP tasks.work.publish WARNING publish_failed unsent=1 error=")
    assert line.endswith("next='the sweeper sends them'")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_worker_of_the_host_is_left_as_it_is(
    settings: Callable[..., dict[str, str]], redis_url: str, tmp_path: Path, pool: str
) -> None:
    """Its log, its Revoke, its ports and its tasks, though its modules import us at their top."""
    port, broker = free_port(), f"{redis_url.rpartition('/')[0]}/7"
    environment = with_prefix(settings(METRICS_ADDRESS=f"127.0.0.1:{port}"))
    environment |= {"CELERY_BROKER_URL": broker, "PYTHONPATH": str(SHOP.parent)}
    fleet = Fleet(environment, tmp_path)
    shop = Celery("asking", broker=broker, backend=broker, set_as_current=False)
    stopped = "01234567-89ab-cdef-0123-456789abcdef"
    try:
        fleet.celery("worker", "-P", pool, "-c", "1", "-Q", "shop", "-l", "INFO", app="shop_worker")
        left = {"current": "shop", "broker": broker, "task": "shop", "queue": ["shop"]}
        assert shop.send_task("shop.book", queue="shop").get(timeout=120) == left
        shop.control.revoke(stopped)
        eventually(lambda: stopped in str(shop.control.inspect().revoked()), what="Celery's own Revoke")
        logs = fleet.logs()
    finally:
        fleet.stop()
        shop.close()

    assert "] Task shop.book[" in logs
    assert "succeeded in" in logs
    assert '"event"' not in logs
    with socket.socket() as asked:
        assert asked.connect_ex(("127.0.0.1", port)), "nobody serves our metrics"
