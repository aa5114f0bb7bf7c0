"""`booking status`: the workers are asked first, and answer while what reads the rest is loaded."""

from concurrent.futures import ThreadPoolExecutor

import typer

from worker.celery_app import BOOKINGS, MAINTENANCE
from worker.cli.loading import load
from worker.console import broker
from worker.running import running
from worker.settings.model import Settings

PING = 0.7  # seconds that workers have to answer


def run(*, account: str | None, watch: bool, json: bool) -> bool:
    """Show how everything stands, with `watch` until Ctrl-C; return whether it is calm, and nothing looks wrong.

    Raises:
        BadParameter: `account` is given with `watch`.
        SettingsError: A setting is wrong or missing.
        Stop: No account has that name; or Postgres does not answer, or lacks our tables.
    """
    if watch and account is not None:
        raise typer.BadParameter("--watch shows the whole fleet: not with --account")
    if watch:
        return bool(load("worker.cli.status.watch").run(json=json))
    settings = running(Settings.load())
    url = settings.broker_url or ""
    broker.load(url)
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(broker.ask, url, (BOOKINGS, MAINTENANCE), ping=PING)
        return bool(load("worker.cli.status.status").run(settings, asked, account=account, json=json))
