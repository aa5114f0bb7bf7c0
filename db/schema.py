"""The tables as Core sees them: statements are built from these, rows are never mapped to objects of a session."""

from typing import TYPE_CHECKING, cast

import db.resilience_models  # noqa: F401 - for its tables in the metadata
from db.models import AppointmentEvents, Appointments, Base, CalcomVisibility

if TYPE_CHECKING:
    from sqlalchemy import Table

metadata = Base.metadata
appointments = cast("Table", Appointments.__table__)
appointment_events = cast("Table", AppointmentEvents.__table__)
calcom_visibility = cast("Table", CalcomVisibility.__table__)
