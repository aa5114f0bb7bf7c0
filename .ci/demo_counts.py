# ruff: noqa: INP001 - run by .ci/run only
"""Hold the last line of `booking demo --json` (standard input) to the counts of examples/bookings.jsonl."""

import json
import subprocess
import sys

expected = json.loads(subprocess.check_output([sys.executable, "examples/make_bookings.py", "--counts"]))
del expected["conflicts"]  # the demo counts them as invalid
# Two customers change their minds, and one asks by telephone and then for another time.
expected |= {"cancelled": 1, "moved": 2, "called": 1, "called_back": 1}
expected |= {"failed": 0, "expired": 0, "held": 0, "lost": 0, "double_booked": 0, "calls_while_open": 0}
found = json.loads(sys.stdin.read())
expected["breaker_opened"] = found["probes"]  # the trip and each probe in vain: the ramp opens nothing
wrong = [f"{name} is {found.get(name)}, not {count}" for name, count in expected.items() if found.get(name) != count]
if found["probes"] < 2 or not found["held_peak"]:
    wrong.append(f"the outage was not seen: {found['probes']} probes, {found['held_peak']} held at most")
if found["seconds"] > 60:
    wrong.append(f"it took {found['seconds']} s, not 60 at most")
sys.exit("The demo: " + "; ".join(wrong) if wrong else 0)
