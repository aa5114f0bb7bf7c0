"""How fast held bookings of 200 accounts go through once Cal.com is back: `drain`, with accounts that take turns."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ACCOUNTS = 200
_DRAIN = Path(__file__).parents[1] / "drain.py"


def pairs() -> Iterator[dict[str, float]]:
    """Run it once: it takes more than a minute."""
    result = json.loads(subprocess.check_output([sys.executable, _DRAIN, "--json", "--accounts", str(ACCOUNTS)]))
    rates = (f"{result[name]:.1f} a second" for name in ("drain_per_second", "best_per_second"))
    print("  drained {}, at best {}".format(*rates), file=sys.stderr, flush=True)
    yield {"accounts_drain": result["ratio"]}
