"""Explain an error to a person: what is wrong, and what to do. An error without an explanation is a fault of ours."""

from collections.abc import Sequence

from worker.console.stop import Stop

_LOCKED = "another transaction holds a lock that this needs (pg_stat_activity lists it); try again when that has ended"
_DATABASE = {
    "deadlock": "another transaction and this one waited for each other; try again",
    "lost_connection": "Postgres does not answer; is it running, and is DATABASE_URL right? `booking check` says more",
    "unavailable": "Postgres is starting up, takes no writes or has no connection left; try again in a moment",
    "timeout": "Postgres took too long; something holds a lock, or it is overloaded; try again",
}


def explain(error: BaseException) -> Sequence[str] | None:
    """Return the lines to show, or None for an error that only a traceback explains."""
    if isinstance(error, Stop):
        return error.lines
    known = _known(error)
    if known is None and isinstance(error, PermissionError) and error.filename:
        return [f"{error.filename}: {error.strerror}"]
    return known


def _known(error: BaseException) -> Sequence[str] | None:
    from kombu.exceptions import OperationalError  # noqa: PLC0415 - only when something went wrong
    from redis.exceptions import RedisError  # noqa: PLC0415 - the same
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the same

    from booking_client.database.errors import LOCKED, NOT_MIGRATED  # noqa: PLC0415 - the same
    from db.revisions import RevisionError  # noqa: PLC0415 - the same
    from resilience.exceptions import AppointmentDatabaseException  # noqa: PLC0415 - the same
    from tasks.host.database_errors import LACKS_TABLES, as_appointment_error  # noqa: PLC0415 - the same
    from worker.local.embedded.errors import EmbeddedError  # noqa: PLC0415 - the same
    from worker.settings.model import SettingsError  # noqa: PLC0415 - the same

    if isinstance(error, SettingsError):
        return error.problems
    if isinstance(error, EmbeddedError | RevisionError):
        return str(error).splitlines()
    if isinstance(error, OperationalError | RedisError):
        return ["the broker does not answer; is it running, and is REDIS_URL (or CELERY_BROKER_URL) right?"]
    if isinstance(error, SQLAlchemyError):
        error = as_appointment_error(error)
    if not isinstance(error, AppointmentDatabaseException):
        return None
    if error.sql_error_code == LOCKED:
        return [_LOCKED]
    return [LACKS_TABLES if error.sql_error_code in NOT_MIGRATED else _DATABASE.get(error.error_type, error.message)]
