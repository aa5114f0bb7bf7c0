"""From which address a call comes, as far as the proxies before us are believed."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from starlette.requests import Request

_FOR = re.compile(r'(?:^|[;,])\s*for="?\[?([0-9A-Fa-f.:]+)', re.IGNORECASE)
_SITE = 64  # bits of an IPv6 address that one site has to itself


class Proxies:
    """Know the proxies whose headers are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def caller(self, request: Request) -> str:
        """Return the address that called, or the network of an IPv6 site: the last one before our own proxies."""
        address = _read(request.client.host if request.client else "")
        if address is None or not self._trusts(address):
            return _named(address)
        for told in _forwarded(request):
            if told is None:
                break
            address = told
            if not self._trusts(address):
                break
        return _named(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _forwarded(request: Request) -> Iterator[IPv4Address | IPv6Address | None]:
    """Yield the addresses that the proxies have noted, the nearest first; None: it cannot be read."""
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    if not hops:
        hops = [hop for line in request.headers.getlist("forwarded") for hop in _FOR.findall(line)]
    yield from map(_read, reversed(hops))


def _read(text: str) -> IPv4Address | IPv6Address | None:
    if text.count(":") == 1:  # with its port
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _named(address: IPv4Address | IPv6Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _SITE), strict=False))
    return str(address)
