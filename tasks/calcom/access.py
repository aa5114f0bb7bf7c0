"""Where Cal.com is, and with which key: checked when a client is built, and known elsewhere by fingerprints.

And what the breaker calls those of its endpoints that change something; who only asks it loads nothing that calls.
"""

import hashlib
from urllib.parse import urlsplit

CREATE, CANCEL = "bookings.create", "bookings.cancel"
CALCOM_RATE = 120  # calls a minute that Cal.com allows, where nothing else is known (docs/calcom.md)


def checked_url(base_url: str) -> str:
    """Return the address of Cal.com's API, without a slash at its end.

    Raises:
        ValueError: It is none, or holds what belongs into a setting of its own.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"not an http(s) address of an API: {parts.scheme}://{parts.hostname or ''}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address of Cal.com's API must not hold a user or password")
    parts.hostname.encode("idna")
    return base_url.rstrip("/")


def authorization(api_key: str) -> dict[str, str]:
    """Return the header that carries the key; none where no key is set.

    Raises:
        ValueError: No key looks like that.
    """
    if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
        raise ValueError("the Cal.com API key holds a character that no key has")  # and not the key itself
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def fingerprint(*values: str) -> str:
    """Return what tells settings apart and tells nobody what they are."""
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]
