"""A secret as the first line of standard input; a command's arguments can be read by everybody on the machine."""

import sys

from pydantic import SecretStr

from worker.console import screen
from worker.console.stop import Stop

_LONGEST = 1_000  # characters


def read_secret(what: str) -> SecretStr:
    """Return the first line of standard input; `what` it is to be.

    Raises:
        Stop: There is none.
    """
    if sys.stdin.isatty():
        screen.note(f"{what} (it is shown while you type; better: `< key.txt`):")
    text = sys.stdin.readline(_LONGEST + 1).strip()
    if not text or len(text) > _LONGEST:
        raise Stop(f"{what[0].lower()}{what[1:]} is to be the first line of standard input")
    return SecretStr(text)
