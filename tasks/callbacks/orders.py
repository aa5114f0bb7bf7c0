"""What operators do about callbacks: where a key's go, which secret signs them, and what is sent again."""

from collections.abc import Collection
from urllib.parse import urlsplit

from db import callbacks
from db.api_keys import keys
from db.callbacks import WaitingCallback
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.callbacks.addresses import CallbackUrlError, checked_url
from tasks.callbacks.signing import SigningError, secrets_of
from tasks.callers.keys import KeyRefusedError, no_such_key
from tasks.ports.callbacks import CallbackSettings


def callback_address(url: str) -> str:
    """Return the address for a key's callbacks as it is stored.

    Raises:
        KeyRefusedError: No callback may go there.
    """
    try:
        return checked_url(url, dependencies.current().callbacks)
    except CallbackUrlError as error:
        raise KeyRefusedError(f"the callback's address {error}") from None


def set_callback(asked: ActionRequest, name: str, url: str | None) -> None:
    """Set where the callbacks of a key go; None: nowhere. Bookings that are stored already keep what they have.

    Raises:
        KeyRefusedError: No key in force has this name, or no callback may go there.
    """
    url = None if url is None else callback_address(url)
    with dependencies.current().engine.begin() as conn:
        if not keys.set_callback(conn, name, url):
            raise no_such_key(name)
        operator_actions.record(conn, asked, "changed", bookings=0)


def set_hosts(asked: ActionRequest, name: str, hosts: Collection[str]) -> None:
    """Set the hosts that a request of a key may name as its booking's own callback address; none: no host.

    Raises:
        KeyRefusedError: No key in force has this name, or a host is none.
    """
    deps = dependencies.current()
    for host in hosts:
        if not _is_host(host, deps.callbacks):
            raise KeyRefusedError(f"{host!r} is not the name of a host, in lower case and without a port")
    with deps.engine.begin() as conn:
        if not keys.set_callback_hosts(conn, name, hosts):
            raise no_such_key(name)
        operator_actions.record(conn, asked, "changed", bookings=0)


def _is_host(host: str, settings: CallbackSettings) -> bool:
    try:
        return urlsplit(checked_url(f"https://{host}", settings)).netloc == urlsplit(f"//{host}").hostname == host
    except CallbackUrlError:
        return False


def secrets(name: str) -> list[str]:
    """Return the secrets that sign the callbacks of a key, the first of CALLBACK_SECRET first.

    Raises:
        KeyRefusedError: No key has this name, or CALLBACK_SECRET is not set.
    """
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        key = keys.named(conn, name)
    if key is None:
        raise no_such_key(name)
    try:
        return secrets_of(deps.callbacks.secrets, key.id, key.secret_version)
    except SigningError as error:
        raise KeyRefusedError(str(error)) from None


def renew_secret(asked: ActionRequest, name: str) -> None:
    """Have the callbacks of a key signed by another secret, from the next one on.

    Raises:
        KeyRefusedError: No key in force has this name.
    """
    with dependencies.current().engine.begin() as conn:
        if not keys.renew_secret(conn, name):
            raise no_such_key(name)
        operator_actions.record(conn, asked, "renewed", bookings=0)


def waiting(limit: int) -> tuple[list[WaitingCallback], int, int]:
    """Return what is not delivered, and how many wait, and how many were given up."""
    with dependencies.current().engine.connect() as conn:
        wait, given_up = callbacks.count_waiting(conn)
        return list(callbacks.waiting(conn, limit)), wait, given_up


def drop(asked: ActionRequest, bookings: Collection[int]) -> int:
    """Let be the callbacks that were given up: those of `bookings`, or all if it is empty; return how many."""
    with dependencies.current().engine.begin() as conn:
        number = callbacks.drop(conn, bookings)
        operator_actions.record(conn, asked, "dropped", bookings=0)
    return number


def send_again(asked: ActionRequest, bookings: Collection[int]) -> int:
    """Make undelivered callbacks due now: those of `bookings`, or all if it is empty; return how many."""
    with dependencies.current().engine.begin() as conn:
        number = callbacks.send_again(conn, bookings)
        operator_actions.record(conn, asked, "sent_again", bookings=0)
    return number
