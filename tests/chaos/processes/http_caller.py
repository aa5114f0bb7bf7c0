"""The caller of the fire suite over HTTP: asks at an even rate, writes down each answer, and asks again when refused.

Every fifth booking is asked for with the key whose receiver is dead.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import requests

from tests.chaos.processes.caller import PAUSE, few_fields, receipts
from tests.chaos.said.words import Word, of_booking

OF_THE_DEAD = 5  # of so many one
ANSWER_SECONDS = 5.0
SAID = ".said"  # the answers' file, beside that of the receipts


def ask(file: Path, rate: float, url: str, keys: Sequence[str]) -> None:
    """Ask for so many bookings a second, for ever; after a restart go on where the receipts end."""
    pause = threading.Event()
    following = max((number for number, _ in receipts(file)), default=-1) + 1
    began = time.monotonic() - following / rate
    while True:
        due = int((time.monotonic() - began) * rate) - following
        number = _booked(file, url, keys[following % OF_THE_DEAD == 0], following) if due > 0 else None
        if number is None:
            pause.wait(PAUSE)
            continue
        with file.open("a") as lines:
            lines.write(json.dumps([following, number]) + "\n")
        following += 1


def said(file: Path) -> Iterator[Word]:
    """Read what was answered, beside the receipts of this file."""
    answers = file.with_suffix(SAID)
    for line in answers.read_text().split("\n")[:-1] if answers.exists() else ():
        asked, heard, document = json.loads(line)
        yield from of_booking(document, datetime.fromisoformat(asked), datetime.fromisoformat(heard))


def _booked(file: Path, url: str, key: str, number: int) -> int | None:
    """Return the booking of a request that was accepted."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f'"call-{number}"'}
    fields = {name: value for name, value in few_fields(number).items() if name != "idempotency_key"}
    asked = datetime.now(UTC)
    try:
        answer = requests.post(f"{url}/v1/bookings", json=fields, headers=headers, timeout=ANSWER_SECONDS)
    except requests.RequestException:
        return None
    if not answer.ok:
        return None
    document = answer.json()
    with file.with_suffix(SAID).open("a") as lines:
        lines.write(json.dumps([asked.isoformat(), datetime.now(UTC).isoformat(), document]) + "\n")
    return int(document["id"])


if __name__ == "__main__":
    receipts_file, rate, url, *keys = sys.argv[1:]
    ask(Path(receipts_file), float(rate), url, keys)
