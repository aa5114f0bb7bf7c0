"""What one check of `booking check` has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    about: str
    ok: bool
    said: str
    warning: bool = False
    """True: bookings go on, but an operator should know."""
