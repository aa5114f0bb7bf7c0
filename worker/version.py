"""Which release this is."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return the installed release's number; "unknown" where the code runs without having been installed."""
    try:
        return metadata.version("booking-worker")
    except metadata.PackageNotFoundError:
        return "unknown"
