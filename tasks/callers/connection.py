"""The connection for one statement that a caller waits for."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from booking_client.asking import patience
from db.connection import deadline
from tasks import dependencies
from tasks.host.database_errors import database_errors


@contextmanager
def caller_connection() -> Iterator[Connection]:
    """Give a connection with a caller's patience, on which each statement is a transaction.

    Raises:
        AppointmentDatabaseException: Postgres did not answer in time, or answered with an error.
    """
    with database_errors(), deadline(patience()), dependencies.current().autocommit.connect() as conn:
        yield conn
