"""The error of embedded servers."""


class EmbeddedError(RuntimeError):
    """An embedded server cannot run; the text has why, and what to do instead."""
