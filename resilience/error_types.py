"""All ways in which a call can fail, and how bad each failure is: a closed set, never free text."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType


class Severity(IntEnum):
    """How bad a failure is; the table `failure_metrics` has these numbers."""

    LOW = 1
    MEDIUM = 2
    CRITICAL = 3


class ErrorType(StrEnum):
    """Name a failure: for metrics, retry rules and `appointments.error_type`."""

    NONE = "none"
    CONNECT = "connect"  # refused, unreachable, or no connection in time
    DNS = "dns"
    TLS = "tls"
    TIMEOUT = "timeout"  # no complete answer in time, after bytes were sent; a statement that took too long
    RESET = "reset"  # the connection broke, or the answer was not HTTP, after bytes were sent
    THROTTLED = "throttled"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTTP_504 = "http_504"
    HTTP_52X = "http_52x"  # Cloudflare's own errors
    HTTP_OTHER = "http_other"  # an answer for which there is no rule
    DATABASE = "database"  # Cal.com's 400 "An error occurred while querying the database."
    UNREADABLE = "unreadable"  # an answer that is cut, empty or not JSON, but must be JSON
    TAKEN = "taken"
    LIMIT = "limit"
    REFUSED = "refused"
    NO_EVENT_TYPE = "no_event_type"  # Cal.com has no event type of this name, or no such owner
    CREDENTIALS = "credentials"
    CONFIGURATION = "configuration"
    LEASE_LOST = "lease_lost"  # `may_send` returned False right before the first byte
    # our own database
    DEADLOCK = "deadlock"
    SERIALIZATION = "serialization"
    LOST_CONNECTION = "lost_connection"
    UNAVAILABLE = "unavailable"  # the database starts up, or has too many connections
    OTHER = "other"


NEVER_SENT = frozenset({ErrorType.CONNECT, ErrorType.DNS, ErrorType.TLS})
"""Failures before the first byte of a call was sent: no account's key, event types or receivers can cause these."""
_WORDS = frozenset(ErrorType) - {ErrorType.NONE}
_SEVERITIES: Mapping[ErrorType, Severity] = MappingProxyType(
    {
        ErrorType.THROTTLED: Severity.LOW,
        ErrorType.DEADLOCK: Severity.LOW,
        ErrorType.SERIALIZATION: Severity.LOW,
        ErrorType.CONNECT: Severity.CRITICAL,
        ErrorType.DNS: Severity.CRITICAL,
        ErrorType.TLS: Severity.CRITICAL,
        ErrorType.CREDENTIALS: Severity.CRITICAL,
        ErrorType.LOST_CONNECTION: Severity.CRITICAL,
        ErrorType.UNAVAILABLE: Severity.CRITICAL,
    }
)


def error_type(reason: str) -> ErrorType:
    """Return `reason` as an error type if it is one, else `OTHER`."""
    return ErrorType(reason) if reason in _WORDS else ErrorType.OTHER


def severity_of(error: ErrorType) -> Severity:
    """Return the default severity of an error type; critical: nothing answers, or an operator must act."""
    return _SEVERITIES.get(error, Severity.MEDIUM)
