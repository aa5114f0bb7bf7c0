"""The command line: `booking COMMAND`. Exit codes: 0 done, 1 a problem was found, 2 wrong usage, 130 Ctrl-C."""

import sys

from worker.cli import loading


def main() -> None:
    """Run one command; an error of the user becomes a line on standard error, never a traceback."""
    from worker.cli.explain import explain  # noqa: PLC0415 - an import of this package alone costs nothing

    try:
        loading.load("worker.cli.commands").app(prog_name="booking")
    except KeyboardInterrupt:  # while a command was still being loaded
        sys.exit(130)
    except Exception as error:
        lines = explain(error)
        if lines is None:
            raise
        sys.stderr.write("".join(f"booking: {line}\n" for line in lines))
        sys.exit(1)
    finally:
        loading.end()
