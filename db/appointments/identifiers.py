"""What a person may write to name one booking: its id, or one of its UUIDs."""

import re
from uuid import UUID

ID = re.compile(r"[0-9]{1,18}", re.ASCII)  # what bigint holds, whatever the digits


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that a text is; None: it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
