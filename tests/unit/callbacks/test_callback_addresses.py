"""Where callbacks may go: each form of an address that leads into our network is refused, and no connection is made."""

import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import SecretStr

from db.callbacks import Callback
from tasks.calcom.http.resolver import Resolver
from tasks.callbacks.addresses import CallbackUrlError, CheckedResolver, ForbiddenAddressError, checked_url, is_allowed
from tasks.callbacks.sending import DELAYS, delay, post
from tasks.ports.callbacks import CallbackSettings

OURS = CallbackSettings(secrets=(SecretStr("x" * 32),))
FORBIDDEN = (
    "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b:0:0:0:0:808:808", "64:ff9b:1::1", "2001:0:1::1", "2002:7f00:1::", "2001:db8::1", "fc00::1", "fd12::1",
    "fe80::1", "fec0:0:0:0:0:0:0:1", "ff02::1", "fe80::1%eth0", "not-an-address",
)  # fmt: skip

# Of requests-hardened 1.3.0 (BSD-3-Clause, saleor/requests-hardened), requests_hardened/ip_filter.py:
# EXTRA_BLOCKED_NET_RANGES as it stands there, then the networks for which Python's `is_private` and `is_multicast` are
# true, by which it refuses the others (Lib/ipaddress.py of 3.11, without those that are parts of others).
REFUSED_ELSEWHERE = (
    "192.88.99.0/24", "100.64.0.0/10", "5f00::/16", "64:ff9b::/96", "2001:20::/28", "192.0.0.0/24", "64:ff9b:1::/48",
    "2002::/16", "3fff::/20",
    "0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4",
    "::1/128", "::/128", "::ffff:0:0/96", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip


@pytest.fixture
def listener() -> Iterator[Any]:
    """Listen on loopback, over IPv4 and IPv6, and count who connects."""
    server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    seen: list[Any] = []

    def accept() -> None:
        while True:
            try:
                seen.append(server.accept())
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1], seen
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def callback_to(url: str) -> Callback:
    """Return a callback that goes to an address."""
    return Callback(
        id=1, appointment_id=1, sequence=1, api_key_id=1, secret_version=1, type="booking.confirmed", url=url,
        host="example.com", data={}, about={}, time_zone="UTC", language=None, tries=0,
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    """Whatever its form."""
    assert not is_allowed(address, OURS, usual=True)


@pytest.mark.parametrize("network", REFUSED_ELSEWHERE)
def test_what_another_library_refuses_is_refused_here(network: str) -> None:
    """Both ends of each of its networks, and the middle."""
    known = ip_network(network)
    addresses = {str(known[place]) for place in (0, known.num_addresses // 2, -1)}

    assert [one for one in addresses if is_allowed(one, OURS, usual=True)] == []


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_allowed_over_tls_alone(address: str) -> None:
    """And at a usual port."""
    assert is_allowed(address, OURS, usual=True)
    assert not is_allowed(address, OURS, usual=False)
    assert not is_allowed(address, CallbackSettings(loopback=True, networks=("10.0.0.0/8",)), usual=False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"]
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_connection_leaves_for_loopback(listener: Any, host: str, scheme: str) -> None:
    """A listener counts; with 10.0.0.0/8 named, so that http and its port are allowed where that is."""
    port, seen = listener
    came_of = post(callback_to(f"{scheme}://{host}:{port}/x"), {}, "{}", CallbackSettings(networks=("10.0.0.0/8",)))

    assert came_of.trouble is not None
    assert seen == []


def test_a_name_that_is_public_first_and_loopback_next_gains_nothing(listener: Any) -> None:
    """The connection goes to the address that was checked, and each look-up is checked again."""
    port, seen = listener
    answers = iter(["10.0.0.1", "127.0.0.1"])
    asked: list[str] = []

    def look_up(_: str, wanted: int) -> Sequence[Any]:
        address = next(answers)
        asked.append(address)
        return socket.getaddrinfo(address, wanted, type=socket.SOCK_STREAM)

    rule = CallbackSettings(networks=("10.0.0.0/8",))
    resolver = CheckedResolver(rule, Resolver(look_up), is_plain=True)
    [(*_, checked)] = resolver.resolve("rebinding.example.com", port, 5)
    assert (checked[0], asked) == ("10.0.0.1", ["10.0.0.1"])

    came_of = post(callback_to(f"http://rebinding.example.com:{port}/"), {}, "{}", rule, Resolver(look_up))
    assert (came_of.trouble, seen) == ("the address is not public", [])
    assert asked == ["10.0.0.1", "127.0.0.1"]


def test_one_address_of_ours_among_public_ones_is_enough_to_refuse(listener: Any) -> None:
    """A name with both is refused whole."""
    port, seen = listener

    def look_up(_: str, wanted: int) -> Sequence[Any]:
        return [socket.getaddrinfo(one, wanted, type=socket.SOCK_STREAM)[0] for one in ("93.184.215.14", "127.0.0.1")]

    came_of = post(callback_to(f"https://both.example.com:{port}/"), {}, "{}", OURS, Resolver(look_up))
    assert (came_of.trouble is not None, seen) == (True, [])
    with pytest.raises(ForbiddenAddressError):
        CheckedResolver(OURS, Resolver(look_up), is_plain=False).resolve("both.example.com", 443, 5)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x", "ftp://example.com", "https://pat@example.com/", "https://example.com:22/",
        "https://example.com/#x", "https://", "https://exa mple.com/", "https://example.com\\@10.0.0.1/",
        "https://example.com:0x50/", f"https://example.com/{'x' * 2000}", "https://exa%zzmple.com/",
        "https://a..example.com/", f"https://{'x' * 64}.example.com/",
    ],
)  # fmt: skip
def test_an_address_of_another_form_is_refused(url: str) -> None:
    """Before it is stored."""
    with pytest.raises(CallbackUrlError):
        checked_url(url, OURS)


def test_an_address_that_was_stored_and_cannot_be_read_is_a_trouble() -> None:
    """It is told, and not raised: else the try would never be recorded."""
    came_of = post(callback_to("https://a..example.com/"), {}, "{}", OURS)
    assert came_of.trouble == "the address cannot be read as an address"


def test_an_address_is_stored_in_one_form() -> None:
    """Scheme and host are the same in either case, path and query are not."""
    assert checked_url("HTTPS://Example.COM:443/Hooks?A=B", OURS) == "https://example.com:443/Hooks?A=B"


def test_retries_are_those_of_the_schedule() -> None:
    """Each a tenth longer or shorter, longer where the receiver asks for it; then none."""
    assert [delay(tries, 0, 0.5) for tries in range(9)] == [*DELAYS, None]
    assert (delay(0, 0, 0.0), delay(0, 0, 1.0), delay(0, 60, 0.5)) == (4.5, 5.5, 60)


def test_http_leads_to_networks_of_ours_alone() -> None:
    """A public address is called by TLS, also where http is allowed to a network."""

    def look_up(_: str, wanted: int) -> Sequence[Any]:
        return socket.getaddrinfo("93.184.215.14", wanted, type=socket.SOCK_STREAM)

    rule = CallbackSettings(networks=("10.0.0.0/8",))
    assert CheckedResolver(rule, Resolver(look_up), is_plain=False).resolve("public.example.com", 443, 5)
    for port, is_plain in ((443, True), (80, True), (22, False)):
        with pytest.raises(ForbiddenAddressError):
            CheckedResolver(rule, Resolver(look_up), is_plain=is_plain).resolve("public.example.com", port, 5)
