"""Hand messages to Apprise in a process that can be killed: no time-out of a library bounds a very slow answer.

Reads one JSON list of [sink, url, title, body, resolved] from standard input, where no process list shows the URLs.
Writes `[place, error]` a message to standard output as it becomes known. The error is a text of
ours: what Apprise and the sinks write may hold a URL, and a URL is a secret.

Run by its path, without the package `worker`: it starts in a third of a second.
"""

import json
import re
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyType

LIFETIME = 60  # seconds after which it ends in any case: its parent may have been killed

_STATUS = re.compile(r"error=(\d{3})\b")
_writing = threading.Lock()


def main() -> None:
    """Deliver each sink's messages in order, all sinks at once."""
    signal.alarm(LIFETIME)
    by_sink: dict[str, list[tuple[int, Sequence[Any]]]] = {}
    for place, job in enumerate(json.load(sys.stdin)):
        by_sink.setdefault(job[0], []).append((place, job))
    threads = [threading.Thread(target=_deliver, args=(jobs,)) for jobs in by_sink.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _deliver(jobs: Sequence[tuple[int, Sequence[Any]]]) -> None:
    sink = Apprise(asset=AppriseAsset(storage_mode="memory", app_id="booking-worker", app_desc="Booking worker"))
    known = sink.add(jobs[0][1][1])
    for place, (_, _, title, body, resolved) in jobs:
        kind = NotifyType.SUCCESS if resolved else NotifyType.FAILURE
        try:
            result = sink.notify(title=title, body=body, notify_type=kind, body_format="text") if known else None
            error = "is not an address that Apprise knows" if result is None else _error(result)
        except Exception:  # noqa: BLE001 - a plugin's own error, which may quote its URL
            error = "made Apprise fail"
        with _writing:
            sys.stdout.write(json.dumps([place, error]) + "\n")
            sys.stdout.flush()


def _error(result: Any) -> str | None:
    """Return why a sink did not take a message, in a text of ours; None: the sink took it."""
    if result:
        return None
    log = " ".join(entry.message for entry in result.logs())
    if status := _STATUS.search(log):
        return f"answers with HTTP {status[1]}"
    return "cannot be reached" if "connection error" in log.lower() else "does not take the message"


if __name__ == "__main__":
    main()
