"""Read settings that are not given from the folder of a running `booking up`.

So `booking enqueue` or `celery -A worker worker` in the same folder find the embedded servers without any setting.
"""

import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from worker.settings.model import Settings, SettingsError

SERVERS_FILE = "servers.json"
SIMULATOR_FILE = "simulator.json"
LOCK = "lock"


@dataclass(frozen=True)
class ServerUrls:
    """The URLs of servers that run in a folder; None: the folder has no such server."""

    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)


def running(settings: Settings) -> Settings:
    """Return `settings` with the URLs of servers that `booking up` runs now, where none are given.

    Raises:
        SettingsError: A URL is not given and nothing runs.
    """
    if settings.database_url and settings.redis_url:
        return settings
    found = running_servers(settings.booking_home)
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


def running_servers(folder: Path) -> ServerUrls | None:
    """Return the URLs of the servers that another process runs in this folder now, or None."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        urls = {name: about.get("url") for name, about in recorded_servers(folder).items()}
        return ServerUrls(urls.get("postgres"), urls.get("valkey"))
    finally:
        os.close(lock)
    return None


def recorded_servers(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the folder stores about each server, by its name: port, password and URL."""
    try:
        about: dict[str, dict[str, Any]] = json.loads((folder / SERVERS_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return about


def _simulator(home: Path) -> dict[str, Any]:
    try:
        about = json.loads((home / SIMULATOR_FILE).read_text())
        return {"calcom_base_url": about["url"], "calcom_api_key": SecretStr(about["key"])}
    except (OSError, ValueError, KeyError):
        return {}
