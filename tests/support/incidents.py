"""Incidents as they stand in the table, of the fields that a test is about."""

from datetime import datetime
from typing import Any

from db.monitoring.incidents import Incident


def make_incident(opened_at: datetime, **fields: Any) -> Incident:
    """Make an open incident of Cal.com's that was last seen when it was opened, and sent to nobody."""
    seen_at = fields.get("last_seen_at", opened_at)
    usual = {"id": 1, "kind": "outage", "subject": "calcom", "occurrences": 1, "detail": {}, "message": "", "news": 1}
    usual |= {"opened_at": opened_at, "last_seen_at": seen_at, "updated_at": seen_at, "news_at": seen_at}
    return Incident(**{**usual, "notified_at": None, "closed_at": None, **fields})
