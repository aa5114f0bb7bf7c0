"""The errors that a caller meets: each knows whether the same call may succeed later."""

from collections.abc import Mapping
from typing import Any

from booking_client import correlation


class AppointmentException(Exception):  # noqa: N818 - the name is the contract's
    """Carry an error of an appointment together with its correlation id and its evidence.

    `correlation_id` is the given one, else the bound one, else a new one. `context` is the evidence, unredacted;
    `to_dict` redacts it.
    """

    def __init__(
        self,
        message: str,
        *,
        correlation_id: str | None = None,
        context: Mapping[str, Any] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.correlation_id = correlation_id or correlation.current() or correlation.new()
        self.context: dict[str, Any] = dict(context or {})
        self.retryable = retryable

    def is_retryable(self) -> bool:
        """Return whether the same call may succeed later."""
        return self.retryable

    def to_dict(self) -> dict[str, Any]:
        """Return the error for the structured log: JSON types only, no personal data, no secret."""
        from booking_client.redaction import redact, scrub  # noqa: PLC0415 - its patterns: a twentieth of the import

        return {
            "error": type(self).__name__,
            "message": scrub(self.message),
            "correlation_id": self.correlation_id,
            "retryable": self.is_retryable(),
            "context": redact(self.context),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with `args` only: every keyword would be lost, and the id would be new.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[AppointmentException], args: tuple[Any, ...], state: Mapping[str, Any]) -> AppointmentException:
    restored = cls.__new__(cls, *args)
    restored.args = args
    restored.__dict__.update(state)
    return restored


class CustomerValidationException(AppointmentException):
    """Report what is wrong with a customer's request, field by field; never retryable.

    `validation_errors` maps a dotted field (`attendee.email`) to the reason, or reasons, why it is refused.
    """

    def __init__(
        self,
        message: str,
        *,
        validation_errors: Mapping[str, str | list[str]] | None = None,
        correlation_id: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, correlation_id=correlation_id, context=context, retryable=False)
        self.validation_errors: dict[str, str | list[str]] = dict(validation_errors or {})

    def __str__(self) -> str:
        """Return the message and each reason: it is what a log or a traceback shows."""
        why = "; ".join(f"{field} {self.get_field_error(field)}" for field in self.validation_errors)
        return f"{self.message} {why}" if why else self.message

    def has_field_error(self, field: str) -> bool:
        """Return whether `field` is refused."""
        return bool(self.validation_errors.get(field))

    def get_field_error(self, field: str) -> str | None:
        """Return why `field` is refused, several reasons joined by "; "; None: it is not refused."""
        why = self.validation_errors.get(field)
        if not why:
            return None
        return why if isinstance(why, str) else "; ".join(why)

    def to_dict(self) -> dict[str, Any]:
        """Return the error for the structured log; reasons never hold the refused value."""
        from booking_client.redaction import scrub  # noqa: PLC0415 - as above

        errors = {field: scrub(self.get_field_error(field) or "") for field in self.validation_errors}
        return super().to_dict() | {"validation_errors": errors}


RETRYABLE_DATABASE_ERRORS = frozenset({"deadlock", "serialization", "timeout", "lost_connection", "unavailable"})
REFUSALS = frozenset({"22", "23", "42"})
"""Classes of SQLSTATEs for which a retry never helps: wrong data, a broken constraint, a wrong statement."""


class AppointmentDatabaseException(AppointmentException):
    """Report what the database refused or lost: `error_type` is its kind, `sql_error_code` its SQLSTATE.

    booking_client/database/errors.py derives the kind from a driver's SQLSTATE. Here, too, the SQLSTATE of a deadlock
    or of a refusal decides the kind; with any other code `error_type` decides. So the sign-off's example with MySQL's
    number of a deadlock, 1213, is a deadlock.
    """

    def __init__(
        self,
        message: str,
        *,
        error_type: str | None = None,
        sql_error_code: str | None = None,
        correlation_id: str | None = None,
        context: Mapping[str, Any] | None = None,
        perhaps_kept: bool = False,
    ) -> None:
        kind = _kind(error_type, sql_error_code)
        retryable = kind in RETRYABLE_DATABASE_ERRORS
        super().__init__(message, correlation_id=correlation_id, context=context, retryable=retryable)
        self.error_type = error_type or kind
        self.sql_error_code = sql_error_code
        self.perhaps_kept = perhaps_kept
        """Whether Postgres may have stored what it was sent: the same request again gets its receipt."""

    def is_deadlock(self) -> bool:
        """Return whether the database ended our transaction to break a deadlock."""
        return _kind(self.error_type, self.sql_error_code) == "deadlock"

    def to_dict(self) -> dict[str, Any]:
        """Return the error for the structured log, with its kind and SQLSTATE."""
        return super().to_dict() | {"error_type": self.error_type, "sql_error_code": self.sql_error_code}


def _kind(error_type: str | None, sql_error_code: str | None) -> str:
    code = sql_error_code or ""
    if code == "40P01":
        return "deadlock"
    return "other" if code[:2] in REFUSALS else error_type or "other"
