"""Print what to do next, below the list of what `booking up` runs."""

import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

from worker.console import screen
from worker.settings.model import Settings
from worker.shell import command, enqueue_one, shown

MANY = "examples/bookings.jsonl"


def show(settings: Settings, logs: Path, *, page: str, flower: str, simulator: str | None) -> None:
    """Write the page's link and Flower's address, and commands to paste into another shell in the same folder.

    `simulator` is the address of the simulated Cal.com, if that is where bookings go.
    """
    facts: list[tuple[str, str]] = [
        ("  page", page),
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
        many = f"`{command()} enqueue {MANY}`, and while they go" if Path(MANY).is_file() else "paste this, then book"
        screen.say(f"  To see an outage on the page: {many}")
        screen.say()
        screen.say((outage(simulator), "bold"))
        screen.say()


def outage(simulator: str) -> str:
    """Return a shell command by which the simulated Cal.com is down for a minute."""
    fault = json.dumps({"kind": "status", "name": "unavailable", "seconds": 60})
    return f"curl -so /dev/null {simulator}/_faults -d {shlex.quote(fault)}"
