"""The tables of what each key may know of event types, as Cal.com answered it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Integer, false, func
from sqlalchemy.orm import Mapped, mapped_column

from db.event_kind import EventKind
from db.models.bookings import Base, EnumText, allowed_values


class CalcomEventTypes(Base):
    """An event type as Cal.com showed it to one key (0005_evidence)."""

    __tablename__ = "calcom_event_types"

    key_fingerprint: Mapped[str] = mapped_column(primary_key=True)
    event_type: Mapped[str] = mapped_column(primary_key=True)  # "101", or "team-or-user/slug"
    calcom_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[EventKind] = mapped_column(EnumText(EventKind))
    sight: Mapped[bool]  # the list shows this key every booking of it
    seats: Mapped[bool]
    occurrences: Mapped[int | None] = mapped_column(Integer)  # weeks of a series; null: it does not recur
    deleted: Mapped[bool] = mapped_column(server_default=false())
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())  # when kind and sight were answered

    __table_args__ = (
        allowed_values("kind", EventKind, "calcom_event_types_kind_known"),
        CheckConstraint("occurrences > 0", name="calcom_event_types_occurrences_positive"),
    )


class CalcomVisibility(Base):
    """Which event types a key was seen to list: only workers of the version before read it.

    It stays while they may run beside this version's during a deploy (expand, then contract): a later one drops it.
    """

    __tablename__ = "calcom_visibility"

    key_fingerprint: Mapped[str] = mapped_column(primary_key=True)
    event_type: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
