"""At which Cal.com an account is, in whatever spelling of its address: two of them would be two limits of one key."""

import ipaddress
import socket
from urllib.parse import urlunsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from tasks.accounts.services import Service
from tasks.calcom.access import checked_url, service_of
from tasks.dependencies import Dependencies
from tasks.operations.accounts.refusals import AccountRefusedError

_PORTS = {"http": 80, "https": 443}


def service_at(deps: Dependencies, base_url: str | None) -> Service:
    """Return the Cal.com at an address; None: that of the settings. One that is known keeps its spelling and its name.

    Raises:
        AccountRefusedError: It is no address.
    """
    if base_url is None:
        return deps.services.own
    try:
        address = normalized(base_url)
    except ValueError as error:
        raise AccountRefusedError(str(error)) from None
    with deps.autocommit.connect() as conn:
        known = deps.services.known_now(conn)
    same = (one for one in known if normalized(one.base_url) == address)
    return next(same, Service(service_of(address), address))


def normalized(base_url: str) -> str:
    """Return an address in its one spelling (RFC 3986, 6.2): what is sent to it goes to the same server as before.

    Raises:
        ValueError: It is no address of an API.
    """
    try:
        url = parse_url(checked_url(base_url))
    except LocationParseError:
        raise ValueError("not an http(s) address of an API") from None
    scheme, host = url.scheme or "", _normalized_host(url.host or "")
    port = "" if url.port in {None, _PORTS[scheme]} else f":{url.port}"
    return urlunsplit((scheme, host + port, (url.path or "").rstrip("/"), "", ""))


def _normalized_host(host: str) -> str:
    if host.startswith("["):
        return f"[{ipaddress.ip_address(host[1:-1]).compressed}]"
    try:
        return socket.inet_ntoa(socket.inet_aton(host))  # as the resolver reads 127.1
    except OSError:
        return host.removesuffix(".")
