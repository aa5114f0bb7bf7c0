"""Find what a person names: a booking by id, uuid, key, correlation id or Cal.com's uid; an account; a Cal.com."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from db import accounts, appointments
from db.accounts import Account
from db.appointments import Appointment, search
from tasks.dependencies import Dependencies
from worker.console.stop import Stop

if TYPE_CHECKING:
    from tasks.accounts.services import Service


def named(conn: Connection, id_or_key: str) -> Appointment:
    """Return the booking of an id, uuid or key, else of a correlation id or uid, which several bookings may share.

    Raises:
        Stop: No booking has it, several have it, or it is the id of one and the key of another.
    """
    try:
        row = appointments.find(conn, id_or_key)
    except appointments.AmbiguousError as both:
        raise Stop(str(both)) from None
    if row is not None:
        return row
    ids = [found.id for found in search.find(conn, id_or_key)]
    if len(ids) > 1:
        raise Stop(f"{id_or_key}: bookings {', '.join(map(str, ids))} have it: give the id of one")
    row = appointments.get(conn, ids[0]) if ids else None
    if row is None:
        raise Stop(f"{id_or_key}: no booking has this id or key")
    return row


def named_account(conn: Connection, name: str) -> Account:
    """Return the account of a name.

    Raises:
        Stop: No account has it.
    """
    try:
        return accounts.named(conn, name)
    except accounts.NoSuchAccountError:
        raise Stop(f"{name}: no account has this name; `booking accounts list` shows them") from None


def named_service(deps: Dependencies, host: str | None) -> "Service":
    """Return the Cal.com at a host; None: that of the settings.

    Raises:
        Stop: No account is at a Cal.com of this host.
    """
    found = deps.services.named(host)
    if found is None:
        known = ", ".join(one.host for one in deps.services.known())
        raise Stop(f"no account is at a Cal.com of the host {host}; there are: {known}")
    return found
