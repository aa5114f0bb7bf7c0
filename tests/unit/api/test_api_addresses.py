"""From which address a call counts, and whose word is taken for it."""

import pytest
from starlette.requests import Request

from worker.api.addresses import Proxies


def caller(peer: str, trusted: tuple[str, ...] = (), **headers: str) -> str:
    """Return the address of a call."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Proxies(trusted).caller(Request({"type": "http", "client": (peer, 1), "headers": raw}))


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("198.51.100.7", {"x_forwarded_for": "192.0.2.1"}, "198.51.100.7"),
        ("10.0.0.1", {}, "10.0.0.1"),
        ("10.0.0.1", {"x_forwarded_for": "192.0.2.1"}, "192.0.2.1"),
        ("10.0.0.1", {"x_forwarded_for": "192.0.2.9, 192.0.2.1, 10.0.0.2"}, "192.0.2.1"),
        ("10.0.0.1", {"x_forwarded_for": "192.0.2.1:443"}, "192.0.2.1"),
        ("10.0.0.1", {"x_forwarded_for": "<script>"}, "10.0.0.1"),
        ("10.0.0.1", {"forwarded": 'for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"'}, "2001:db8::/64"),
        ("10.0.0.1", {"forwarded": "for=192.0.2.1, for=10.0.0.2"}, "192.0.2.1"),
        ("::ffff:198.51.100.7", {}, "198.51.100.7"),
        ("2001:db8:1:2:3::4", {}, "2001:db8:1:2::/64"),
    ],
)
def test_the_last_address_before_our_own_proxies_counts(peer: str, headers: dict[str, str], found: str) -> None:
    """What stands further left in a header its sender may have invented."""
    assert caller(peer, ("10.0.0.0/8",), **headers) == found


def test_no_header_is_believed_where_no_proxy_is_named() -> None:
    """As it is unless TRUSTED_PROXIES says otherwise."""
    assert caller("10.0.0.1", x_forwarded_for="192.0.2.1", forwarded="for=192.0.2.1") == "10.0.0.1"
