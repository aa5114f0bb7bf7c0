"""End a command with a message."""


class Stop(Exception):  # noqa: N818 - it ends a command, also one that found no error
    """End the command with exit code 1 and a few lines: what is wrong and what to do."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
