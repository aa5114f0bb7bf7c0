"""What may travel with a report: an error type from a small set, and a bounded context without text of others."""

import json
import re
from collections.abc import Mapping

from resilience.redaction import redact

_TOKEN = re.compile(r"[a-z0-9_.]{1,40}")
MOST = 10
"""Entries of a context that are kept, each value at most `LONGEST` characters."""
LONGEST = 100


def error_token(reason: str) -> str:
    """Give the reason of a change as one short word; what is none, as free text never is, becomes `other`."""
    return reason if _TOKEN.fullmatch(reason) and reason != "none" else "other"


def bounded_context(context: Mapping[str, str | int | float | None] | None) -> str:
    """Write a context as JSON of bounded length; '' for none."""
    if not context:
        return ""
    kept = list(context.items())[:MOST]
    return json.dumps(redact({name[:LONGEST]: _short(value) for name, value in kept}))


def _short(value: str | float | None) -> str | float | None:
    return value[:LONGEST] if isinstance(value, str) else value
