"""The parts of `make promises` that are no fire: a rule of `make test` at its full size, by the same tests."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.sizes import FULL_SIZE

ROOT = Path(__file__).parents[2]
SIZES: Mapping[str, str] = {
    "webhooks": "tests/promises/asking/test_webhook_calls.py",
    "calls": "tests/promises/asking/test_dealt_calls.py",
    "splits": "tests/promises/changes/test_split_moves.py",
    "askers": "tests/promises/asking/test_free_slots.py",
    "turns": "tests/integration/accounts/test_turns.py",
    "keys": "tests/integration/accounts/test_refused_keys.py",
    "flood": "tests/integration/accounts/test_floods.py",
    "clients": "tests/integration/cli/accounts/test_cli_import.py",
    "nights": "tests/integration/accounts/test_night_of_accounts.py",
    "simulated_nights": "tests/unit/audits/test_night_of_ten_thousand.py",
    "line_without_redis": "tests/integration/line/test_redis_back.py",
    "causes": "tests/integration/overview/test_held_causes.py",
}


def is_kept(tests: str, *options: str) -> bool:
    """Run the tests of a file that have a size, at their full size; return whether there are any, and all pass."""
    command = [sys.executable, "-m", "pytest", FULL_SIZE, *options, tests]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0
