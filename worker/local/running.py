"""Settings of a shell beside a running `booking up`: what is not given is read from its folder.

So `booking enqueue` or `celery -A worker worker` in the same folder find the embedded servers without any setting.
"""

import json
import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from worker.settings.model import Settings, SettingsError

SIMULATOR_FILE = "simulator.json"


def running(settings: Settings) -> Settings:
    """Return `settings` with the URLs of servers that `booking up` runs now, where none are given.

    Raises:
        SettingsError: A URL is not given and nothing runs.
    """
    if settings.database_url and settings.redis_url:
        return settings
    from worker.local.embedded import record  # noqa: PLC0415 - a process with both URLs never needs it

    found = record.running(settings.booking_home)
    filled: dict[str, Any] = {
        "database_url": settings.database_url or (found and found.database_url),
        "redis_url": settings.redis_url or (found and found.redis_url),
    }
    missing = [name.upper() for name, value in filled.items() if not value]
    if missing:
        raise SettingsError(
            [f"{name}: not given, and no `booking up` runs here; set it or run `booking up`" for name in missing]
        )
    if settings.calcom_api_key is None and "calcom_base_url" not in settings.model_fields_set:
        filled |= _simulator(settings.booking_home)
    return settings.model_copy(update=filled)


def record_simulator(home: Path, url: str | None, key: str = "") -> None:
    """Remember the simulator that `booking up --simulator` runs; None: that it runs none."""
    file = home / SIMULATOR_FILE
    if url is None:
        file.unlink(missing_ok=True)
        return
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
        json.dump({"url": url, "key": key}, opened)


def _simulator(home: Path) -> dict[str, Any]:
    try:
        about = json.loads((home / SIMULATOR_FILE).read_text())
        return {"calcom_base_url": about["url"], "calcom_api_key": SecretStr(about["key"])}
    except (OSError, ValueError, KeyError):
        return {}
