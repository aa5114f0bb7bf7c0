"""What to do next, under the parts of `booking up`."""

import json
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker.console import screen
from worker.settings.model import Settings

PLAIN_TYPE = 101  # of the simulator
YOURS = "YOUR_EVENT_TYPE_ID"
MANY = "examples/bookings.jsonl"


def show(settings: Settings, logs: Path, flower: str, simulator: str | None) -> None:
    """Write the page's address and Flower's, and commands to paste into another shell in the same folder.

    `simulator` is the address of the simulated Cal.com, if that is where bookings go.
    """
    facts: list[tuple[str, str]] = [
        ("  page", f"{flower}/resilience"),
        ("  flower", flower),
        ("  logs", shown(logs)),
        ("  status", f"{command()} status"),
    ]
    if settings.metrics_address:
        facts.insert(2, ("  metrics", f"http://{settings.metrics_address}/metrics"))
    if settings.calcom_api_key is None:
        hint = "CALCOM_API_KEY is not given, so nothing can be booked; set it, or try `booking up --simulator`"
        facts.append(("  but", hint))
    screen.facts(facts)
    screen.say()
    screen.say("  To book one, paste into another shell in this folder:")
    screen.say()
    # Not wrapped: it must be copied in one piece.
    screen.say((enqueue_one(settings, datetime.now(UTC)), "bold"))
    screen.say()
    if simulator:
        screen.say(f"  To see an outage on the page: `{command()} enqueue {MANY}`, and while they go")
        screen.say()
        screen.say((outage(simulator), "bold"))
        screen.say()


def outage(simulator: str) -> str:
    """Return a shell command by which the simulated Cal.com is down for a minute."""
    fault = json.dumps({"kind": "status", "name": "unavailable", "seconds": 60})
    return f"curl -so /dev/null {simulator}/_faults -d {shlex.quote(fault)}"


def enqueue_one(settings: Settings, now: datetime) -> str:
    """Return a shell command that books one."""
    return f"{one_booking(settings, now)} | {command()} enqueue -"


def one_booking(settings: Settings, now: datetime) -> str:
    """Return a shell command that prints one request: tomorrow week at ten, UTC."""
    start = (now + timedelta(days=8)).replace(hour=10, minute=0, second=0, microsecond=0)
    local = settings.calcom_base_url.startswith("http://127.0.0.1")
    request = {
        "event_type_id": PLAIN_TYPE if local else YOURS,
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "attendee": {"name": "Ann Sample", "email": "ann@example.com", "time_zone": "Europe/Berlin"},
    }
    line = json.dumps(request).replace(f'"{YOURS}"', YOURS)  # a number goes there
    return f"echo {shlex.quote(line)}"


def command() -> str:
    """Return how `booking` is called from another shell: by name, or by its place in the virtual environment."""
    if shutil.which("booking"):
        return "booking"
    return shown(Path(sys.executable).with_name("booking"))


def shown(path: Path) -> str:
    """Write a path as seen from the current folder, if it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
