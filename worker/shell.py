"""Commands for a person to paste into a shell."""

import json
import shlex
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

from worker.settings.model import Settings

PLAIN_TYPE = 101  # of the simulator
YOURS = "YOUR_EVENT_TYPE_ID"


def enqueue_one(settings: Settings, now: datetime) -> str:
    """Return a shell command that books an appointment in eight days, at ten o'clock UTC."""
    start = (now + timedelta(days=8)).replace(hour=10, minute=0, second=0, microsecond=0)
    local = settings.calcom_base_url.startswith("http://127.0.0.1")
    request = {
        "event_type_id": PLAIN_TYPE if local else YOURS,
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "attendee": {"name": "Ann Sample", "email": "ann@example.com", "time_zone": "Europe/Berlin"},
    }
    line = json.dumps(request).replace(f'"{YOURS}"', YOURS)  # a number goes there
    return f"echo {shlex.quote(line)} | {command()} enqueue -"


def command() -> str:
    """Return how `booking` is called from another shell: by name, or by its path in the virtual environment."""
    if shutil.which("booking"):
        return "booking"
    return shown(Path(sys.executable).with_name("booking"))


def shown(path: Path) -> str:
    """Return a path relative to the current folder, if it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
