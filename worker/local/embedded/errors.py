"""What can go wrong with embedded servers."""


class EmbeddedError(RuntimeError):
    """Say why an embedded server cannot run, and what to do instead."""
