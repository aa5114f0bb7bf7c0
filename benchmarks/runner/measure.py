"""Measure what one module measures, in a process of its own; ratios go to stdout, a line of JSON a pair."""

import importlib
import json
import logging
import os
import sys

from worker.local.graceful_shutdown import GracefulShutdown


def main(module: str) -> int:
    """Print each pair; what anything else prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.WARNING)
    try:
        with GracefulShutdown():
            for pair in importlib.import_module(module).pairs():
                print(json.dumps(pair), file=answers, flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
