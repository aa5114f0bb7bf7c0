"""The error of a call to Cal.com, beside those of a booking that a caller meets, too (the client has them)."""

from collections.abc import Mapping
from typing import Any

from booking_client.errors import (
    REFUSALS,
    RETRYABLE_DATABASE_ERRORS,
    AppointmentDatabaseException,
    AppointmentException,
    CustomerValidationException,
)
from booking_client.redaction import scrub

__all__ = [
    "REFUSALS",
    "RETRYABLE_DATABASE_ERRORS",
    "AppointmentDatabaseException",
    "AppointmentException",
    "CalcomBookingException",
    "CustomerValidationException",
]


class CalcomBookingException(AppointmentException):
    """Report what Cal.com answered, or that it did not answer.

    `calcom_error` is Cal.com's own code or message; `retry_after` is in seconds. If `retryable` is None, `http_status`
    decides: after 429, 5xx or without an answer the call may succeed later, after any other answer it cannot.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        calcom_error: str | None = None,
        retry_after: float | None = None,
        error_type: str | None = None,
        correlation_id: str | None = None,
        context: Mapping[str, Any] | None = None,
        retryable: bool | None = None,
    ) -> None:
        by_status = http_status is None or http_status == 429 or 500 <= http_status <= 599
        super().__init__(
            message,
            correlation_id=correlation_id,
            context=context,
            retryable=by_status if retryable is None else retryable,
        )
        self.http_status = http_status
        self.calcom_error = calcom_error
        self.retry_after = retry_after
        self.error_type = error_type
        self.judged = retryable is not None  # the caller has decided, and knows more than the status

    def to_dict(self) -> dict[str, Any]:
        """Return the error for the structured log, with Cal.com's answer."""
        return super().to_dict() | {
            "http_status": self.http_status,
            "calcom_error": None if self.calcom_error is None else scrub(self.calcom_error),
            "retry_after": self.retry_after,
            "error_type": self.error_type,
        }
