"""The address and the key of Cal.com: checked when a client is built, and identified elsewhere by fingerprints.

The names of the endpoints that change something are here, too, so that a process that only asks the breaker loads
no HTTP client.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from booking_client.states import ChangeKind

CREATE, CANCEL, RESCHEDULE = "bookings.create", "bookings.cancel", "bookings.reschedule"
OF_KIND: Mapping[ChangeKind, str] = MappingProxyType({ChangeKind.CANCEL: CANCEL, ChangeKind.RESCHEDULE: RESCHEDULE})
"""The endpoint of each kind of change."""
CALCOM_RATE = 120  # calls a minute: Cal.com's default (docs/calcom.md)


def checked_url(base_url: str) -> str:
    """Return the address of Cal.com's API, without a slash at its end.

    Raises:
        ValueError: `base_url` is no address, or contains a user, password, query or fragment.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"not an http(s) address of an API: {parts.scheme}://{parts.hostname or ''}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address of Cal.com's API must not hold a user or password")
    parts.hostname.encode("idna")
    return base_url.rstrip("/")


def authorization(api_key: str) -> dict[str, str]:
    """Return the Authorization header; no header if no key is set.

    Raises:
        ValueError: The key has a character that no valid key has.
    """
    if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise ValueError("the Cal.com API key holds a character that no key has")  # never the key itself
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def service_of(base_url: str) -> str:
    """Return the name of a Cal.com that is not the settings', by its address."""
    return f"c-{fingerprint(checked_url(base_url))}"


def fingerprint(*values: str) -> str:
    """Return a hash that distinguishes settings and does not reveal them."""
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]
