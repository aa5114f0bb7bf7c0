"""How OpenAPI describes a change."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from db.lifecycle import ChangeStatus, HoldReason
from db.models.changes import ChangeKind


class ChangeDocument(BaseModel):
    """How a cancel or a move of a booking stands."""

    model_config = ConfigDict(title="Change")

    id: int | None = Field(description="Null: the booking was not at Cal.com, and is cancelled.")
    booking: int
    kind: ChangeKind
    status: ChangeStatus
    hold_reason: HoldReason | None = Field(description="Why it is held; null: it is not held.")
    start: datetime | None = Field(description="The start that is wanted, in UTC; null: it is a cancel.")
    final: bool = Field(description="Whether nothing of it is sent any more.")
    say: str = Field(description="A sentence for the person who waits, in the attendee's language (en or de).")
    requested_at: datetime | None
