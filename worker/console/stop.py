"""End a command with a message."""


class Stop(Exception):  # noqa: N818 - it ends a command; whether that is an error is the command's matter
    """End the command with exit code 1, saying in a few lines what is wrong and what to do."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
