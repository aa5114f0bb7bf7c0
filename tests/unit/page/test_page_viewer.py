"""Who is there, and whether somebody may act where Flower has no login: only who sits at this machine."""

from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest

from worker.page.base import ResilienceHandler


def handler(options: dict[str, Any], **request: Any) -> Any:
    """Return a request to a Flower with these options."""
    wanted = {"remote_ip": "127.0.0.1", "host_name": "localhost", "headers": {}, "version": "HTTP/1.1"} | request
    made: Any = ResilienceHandler.__new__(ResilienceHandler)
    made.application = SimpleNamespace(options=SimpleNamespace(**options))
    made.request = SimpleNamespace(**wanted)
    return made


@pytest.mark.parametrize(
    ("address", "request_", "may"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"remote_ip": "::1", "host_name": "[::1]"}, True),
        ("", {}, False),
        ("127.0.0.1", {"remote_ip": "203.0.113.7"}, False),
        ("127.0.0.1", {"host_name": "calendar.example.com"}, False),
        ("127.0.0.1", {"headers": {"Via": "1.1 proxy"}}, False),
        ("127.0.0.1", {"version": "HTTP/1.0"}, False),
    ],
    ids=["at home", "by IPv6", "for everybody", "from elsewhere", "by a foreign name", "a proxy", "a silent proxy"],
)
def test_without_a_login_only_who_is_at_home_may_act(address: str, request_: dict[str, Any], *, may: bool) -> None:
    """A silent one, as nginx is by itself, says nothing of whom it asks for, and names this machine as the host."""
    options = {"address": address, "read_only": False, "basic_auth": [], "auth": ""}

    assert (handler(options, **request_).why_not() is None) is may


@pytest.mark.parametrize("space", [" ", "  ", "\t"])
def test_a_login_has_its_name_however_it_is_sent(space: str) -> None:
    """Flower lets in what any white space parts; nobody acts without a name."""
    sent = f"Basic{space}{b64encode(b'ann:a:secret').decode()}"

    assert handler({"auth": "", "basic_auth": ["ann:a:secret"]}, headers={"Authorization": sent}).who() == "ann"
