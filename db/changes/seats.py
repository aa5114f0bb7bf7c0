"""Seats that are given up beside seats that are taken: Cal.com may end a booking as empty that others have just joined.

It counts the seats of a booking when a cancel comes, and ends the whole booking when that is carried out. So of one
account, event type and time nobody is sent to join while what may be its last seat is given up, and the other way.
The change asks once its claim is committed; a booking with its claim, and then once more.
"""

from datetime import datetime

from sqlalchemy import Connection

from db.sql import statement


def given_up(conn: Connection, appointment_id: int, start: datetime) -> bool | None:
    """Tell whether what may be the last seat of a time that a booking is to join is being given up.

    True: the outcome of it is unknown. False: it is at work. None: nobody gives it up.
    """
    asked = {"appointment_id": appointment_id, "start_at": start}
    unclear: bool | None = conn.execute(statement("seat_left"), asked).scalar_one()
    return unclear


def joined(conn: Connection, change_id: int) -> bool | None:
    """Tell whether somebody may be joining the booking whose seat, perhaps its last one, a claimed change gives up.

    True: the outcome of it is unknown. False: it is at work. None: nobody does.
    """
    unclear: bool | None = conn.execute(statement("seat_joined"), {"change_id": change_id}).scalar_one()
    return unclear
