"""Where a callback may go: no address of a caller's may lead into our own network.

The name is looked up once, every address that it has is checked, and the connection goes to one of these addresses: a
name that shows another address at the next look-up (DNS rebinding) gains nothing by it.
"""

import ipaddress
import os
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from urllib3.util import parse_url

from tasks.calcom.http.resolver import Address, Resolver, ResolverFullError
from tasks.ports.callbacks import CallbackSettings

PORTS = frozenset({443, 8443})
MAX_LENGTH = 2000  # of an address
MAX_HANGING = 64  # names whose look-ups may hang before callbacks to other names are put off
_UNICAST_6 = IPv6Network("2000::/3")  # all others have another use: mapped, NAT64, a site's own, a link's, multicast
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # which Python (3.11) takes for global in part
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # Teredo and other protocols' own
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in IPv6
            "3fff::/20",  # documentation
        ),
    )
)


# Not Cal.com's resolver: names that others choose may hang, and no look-up of Cal.com's name waits for them.
NAMES = Resolver(max_threads=MAX_HANGING, one_each=True)
os.register_at_fork(after_in_child=NAMES.forget)


class NotLookedUpError(Exception):
    """Report that a name was not looked up, because too many look-ups hang: that is no fault of its host.

    This class is no OSError: the record would say that the name was not found.
    """


class ForbiddenAddressError(Exception):
    """Report that a callback's address is none that callbacks may go to; nothing was connected.

    This class is no OSError: the record would say that the name was not found.
    """


class CallbackUrlError(ValueError):
    """Report why a text is no address for callbacks."""


class CheckedResolver(Resolver):
    """Resolve a name to addresses that callbacks may go to; if one of them is not, to none."""

    def __init__(self, settings: CallbackSettings, resolver: Resolver = NAMES, *, is_plain: bool) -> None:
        super().__init__()
        self._settings, self._resolver, self._is_plain = settings, resolver, is_plain

    def resolve(self, host: str, port: int, timeout: float) -> Sequence[Address]:
        """Return the addresses of `host`.

        Raises:
            ForbiddenAddressError: One of them is not public, or is reached by http or another port.
            NotLookedUpError: Too many look-ups of other names hang.
            OSError: As Resolver.
        """
        try:
            found = self._resolver.resolve(host, 0, timeout)  # of all its ports at once: a dead name has one thread
        except ResolverFullError:
            raise NotLookedUpError("too many look-ups of names hang") from None
        addresses = [(*kind, (place[0], port, *place[2:])) for *kind, place in found]
        usual = not self._is_plain and port in PORTS
        if not all(is_allowed(str(address[4][0]), self._settings, usual=usual) for address in addresses):
            raise ForbiddenAddressError("the address is not public")
        return addresses


def is_allowed(text: str, settings: CallbackSettings, *, usual: bool) -> bool:
    """Return whether a connection may go to an IP address; `usual`: with TLS, and to one of PORTS."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if settings.loopback and address.is_loopback:
        return True
    if any(address in ipaddress.ip_network(network) for network in settings.networks):
        return True
    return usual and _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST_6:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def named_url(url: str, hosts: Collection[str], settings: CallbackSettings) -> str:
    """Return the address that a request names for its own booking, as it is stored.

    Raises:
        CallbackUrlError: It is no address for callbacks, or its host is none of `hosts`.
    """
    checked = checked_url(url, settings)
    if urlsplit(checked).hostname not in hosts:
        raise CallbackUrlError("names a host that this key may not name")
    return checked


def checked_url(url: str, settings: CallbackSettings) -> str:
    """Return an address as it is stored: scheme and host in lower case, as the host is counted by.

    Raises:
        CallbackUrlError: It is no address for callbacks. Where its name leads is checked at each connection.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        parse_url(url)  # by which it is sent
        (parts.hostname or "").encode("idna")  # as at the look-up of the name: no part is empty or has 64 characters
    except ValueError:
        raise CallbackUrlError("cannot be read as an address") from None
    if len(url) > MAX_LENGTH or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise CallbackUrlError(f"must be at most {MAX_LENGTH:,} printable characters of ASCII, without a blank or a \\")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise CallbackUrlError("must begin with https://HOST")
    if parts.scheme == "http" and not (settings.networks or settings.loopback):
        allowed = "the networks of CALLBACK_NETWORKS, and for this machine with CALLBACK_LOOPBACK_FOR_TESTS=true"
        raise CallbackUrlError(f"must begin with https://; http is for {allowed}")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise CallbackUrlError("must not carry a user, a password or a #")
    if port is not None and port not in PORTS and not (settings.loopback or settings.networks):
        raise CallbackUrlError("must have port 443 or 8443")
    return parts._replace(netloc=parts.netloc.lower()).geturl()
