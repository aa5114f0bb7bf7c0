"""The product of either version, `celery -A entry worker`: the same, but each call to Cal.com names its code.

The name is the folder that the product was really imported from, so that no call is counted for the other version.
"""

import http.client
from pathlib import Path
from typing import Any

import worker
from worker import app

__all__ = ["app"]

CODE = Path(worker.__file__).parents[1]
_put = http.client.HTTPConnection.putheader


def _named(self: http.client.HTTPConnection, header: Any, *values: Any) -> None:
    """Put a header; the caller's own name gets its folder."""
    more = (f"from {CODE}",) if str(header).lower() == "user-agent" else ()
    _put(self, header, *(" ".join((*map(str, values), *more)),) if more else values)


http.client.HTTPConnection.putheader = _named  # type: ignore[method-assign]  # below every HTTP library, in each version
