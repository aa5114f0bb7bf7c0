"""Cancel and move bookings for the holder of an API key: those that the key asked for, and no others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from booking_client.asking import patience
from db.api_keys.keys import ApiKey
from db.appointments import views
from db.appointments.views import BookingName, BookingView
from db.changes import asking, moves
from db.changes.change import BookingChange
from db.connection import deadline
from db.lifecycle import SHORT_HOLDS, ChangeStatus, HoldReason, Status
from tasks import dependencies
from tasks.callers.connection import caller_connection
from tasks.changes.ask.ask import Ask, AskOutcome, AskResult
from tasks.changes.ask.by_python import ChangeRefusedError
from tasks.changes.ask.change import change_in
from tasks.changes.ask.sending import send_released
from tasks.host.database_errors import database_errors


@dataclass(frozen=True, slots=True)
class ChangeOfCaller:
    """Hold a booking, and a change of it as it stands. `again`: it was asked for before.

    `change` None: the booking was not at Cal.com, and is cancelled.
    """

    view: BookingView
    change: BookingChange | None = field(repr=False)
    again: bool = False

    @property
    def id(self) -> int:
        """Return the id of the change; 0: there is none."""
        return 0 if self.change is None else self.change.id

    @property
    def status(self) -> ChangeStatus:
        """Return how it stands: a move that lost its seat at Cal.com is done when the booking is there again."""
        if self.change is None:
            return ChangeStatus.DONE
        if not self._is_booked_again or self.view.status in {Status.CONFIRMED, Status.CANCELLED}:
            return self.change.status
        return ChangeStatus.REFUSED if self.view.final else ChangeStatus.PENDING

    @property
    def error_type(self) -> str | None:
        """Return why it was refused; None: it was not, or Cal.com gave no reason that has a name."""
        if self.change is None or self.status is not ChangeStatus.REFUSED:
            return None
        return self.view.error_type if self._is_booked_again else self.change.error_type

    @property
    def final(self) -> bool:
        """Return whether it is over."""
        return self.change is None or (self.change.over and self.status is not ChangeStatus.PENDING)

    @property
    def _is_booked_again(self) -> bool:
        """Return whether its end sent a booking that Cal.com had there again: what else is done there names a uid."""
        change = self.change
        return (
            change is not None
            and change.status is ChangeStatus.DONE
            and change.from_uid is not None
            and change.to_uid is None
            and change.wanted == self.view.start
        )

    @property
    def is_worth_waiting(self) -> bool:
        """Return whether it may be over soon: one that is held for longer than a moment will not."""
        if self.change is None or self.change.over:
            return False
        return self.change.status is not ChangeStatus.HELD or self.change.waits_for in SHORT_HOLDS

    @property
    def held_by(self) -> HoldReason | None:
        """Return why it is held, as a booking's reason is shown; None: it is not held."""
        return None if self.change is None else self.change.hold_reason


class SeenBooking(NamedTuple):
    """Hold a booking that its caller may see, and its newest change; None: it has none."""

    view: BookingView
    newest: ChangeOfCaller | None


def change_booking(key: ApiKey, named: BookingName, ask: Ask) -> ChangeOfCaller:
    """Cancel or move a booking; one that is cancelled already is a change that is known.

    Raises:
        ChangeRefusedError: It cannot be changed so, or it is another key's; nothing was stored.
        AppointmentDatabaseException: Postgres does not answer, or another transaction has the booking; the same.
        SQLAlchemyError: Postgres has perhaps stored it; ask again, and it is the same change.
    """
    of_key = key.id  # a key of the scope `all` sees what others asked for, and changes none of it
    with deadline(patience()), _connected() as conn:
        with database_errors():
            booking = views.id_of(conn, named) or 0
            if not views.by_ids(conn, [booking], of_key=of_key):
                raise ChangeRefusedError(AskResult(booking, AskOutcome.MISSING))
            result = change_in(conn, booking, ask)
            [view] = views.by_ids(conn, [booking], of_key=of_key)
        conn.commit()  # an error here is the only one after which the change may be stored
    if not result.done:
        if ask.start is None and result.outcome is AskOutcome.ENDED and result.status is Status.CANCELLED:
            return ChangeOfCaller(view, None, again=True)
        raise ChangeRefusedError(result)
    send_released(result)
    return ChangeOfCaller(view, result.change, again=result.repeated)


def _connected() -> Connection:
    with database_errors():
        return dependencies.current().engine.connect()


def change(key: ApiKey, named: BookingName, number: int) -> ChangeOfCaller | None:
    """Return a change of a booking; None: there is none that the key may see."""
    with caller_connection() as conn:
        booking, found = views.id_of(conn, named) or 0, moves.get(conn, number)
        seen = views.by_ids(conn, [booking], of_key=key.sees_bookings_of, account=key.account_id)
    if found is None or found.appointment_id != booking or not seen:
        return None
    return ChangeOfCaller(seen[0], found)


def changes_of_all(ids: Collection[int]) -> list[ChangeOfCaller]:
    """Return the changes of these ids, of any keys: for callers who wait, each of whom has been let in already."""
    with caller_connection() as conn:
        found = moves.by_ids(conn, ids)
        seen = {view.id: view for view in views.by_ids(conn, [one.appointment_id for one in found], of_key=None)}
    return [ChangeOfCaller(seen[one.appointment_id], one) for one in found if one.appointment_id in seen]


def seen(asked: Sequence[tuple[ApiKey, BookingName]]) -> list[SeenBooking | None]:
    """Return the bookings that callers ask for, each with its newest change, in the same order.

    None: there is none of this name that the key may see.
    """
    with caller_connection() as conn:
        told = views.seen_by(conn, [(key.sees_bookings_of, key.account_id, named) for key, named in asked])
        newest = _latest_of(conn, {view.id: view for view in told if view is not None})
    return [None if view is None else SeenBooking(view, newest.get(view.id)) for view in told]


def latest(view: BookingView) -> ChangeOfCaller | None:
    """Return a booking that the caller may see, and its newest change; None: there is none."""
    return latest_of([view]).get(view.id)


def latest_of(told: Sequence[BookingView]) -> dict[int, ChangeOfCaller]:
    """Return bookings that the caller may see by their ids, each with its newest change, if it has one.

    A change that is over may have ended since its booking was read: then the booking is read again.
    """
    if not told:
        return {}
    with caller_connection() as conn:
        return _latest_of(conn, {view.id: view for view in told})


def _latest_of(conn: Connection, told: Mapping[int, BookingView]) -> dict[int, ChangeOfCaller]:
    newest = asking.latest_of(conn, list(told))
    over = [number for number, change in newest.items() if change.over]
    now = {view.id: view for view in views.by_ids(conn, over, of_key=None)} if over else {}
    return {number: ChangeOfCaller(now.get(number, told[number]), change) for number, change in newest.items()}


def as_it_stands(view: BookingView) -> tuple[BookingView, ChangeOfCaller | None]:
    """Return a booking, and its newest change if that is still open; None: the newest is over, or there is none.

    The booking is read again as `latest` does.
    """
    newest = latest(view)
    if newest is None or newest.change is None:
        return view, None
    return newest.view, None if newest.change.over else newest
