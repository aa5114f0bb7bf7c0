"""`booking` of a later release: run as a module, with the folder of its revisions and the command's arguments."""

import sys
from pathlib import Path

from db import revisions
from tests.support.workers import patient_cli

if __name__ == "__main__":
    revisions._FOLDER = Path(sys.argv.pop(1))  # noqa: SLF001 - a later release has another one
    patient_cli.main()
