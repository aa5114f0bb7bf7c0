"""Who is there, and whether a viewer may act where Flower has no login: at this machine, by the link with the token."""

from base64 import b64encode
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from worker.page import base
from worker.page.base import ResilienceHandler
from worker.settings.model import Settings

TOKEN = "of-" + "random" * 4
HOME = {"address": "127.0.0.1", "port": 5555, "read_only": False, "basic_auth": [], "auth": ""}
COOKIE = {"page_token_5555": TOKEN}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the page read these settings; return how others are given."""

    def give(**given: Any) -> None:
        loaded = Settings.load(**given)
        monkeypatch.setattr(base, "readers", lambda: SimpleNamespace(settings=loaded))

    give(page_token=SecretStr(TOKEN))
    return give


def handler(options: dict[str, Any], **request: Any) -> Any:
    """Return a request to a Flower with these options."""
    cookies = SimpleCookie(request.pop("cookies", COOKIE))
    home = {"remote_ip": "127.0.0.1", "host_name": "localhost", "headers": {}, "version": "HTTP/1.1"}
    made: Any = ResilienceHandler.__new__(ResilienceHandler)
    made.application = SimpleNamespace(options=SimpleNamespace(**options))
    made.request = SimpleNamespace(cookies=cookies, **home | request)
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
        ("127.0.0.1", {"cookies": {}}, False),
        ("127.0.0.1", {"cookies": {"page_token_5555": TOKEN[:-1]}}, False),
        ("127.0.0.1", {"cookies": {"page_token_5556": TOKEN}}, False),
    ],
    ids=[
        "at home",
        "by IPv6",
        "for everybody",
        "from elsewhere",
        "by a foreign name",
        "a proxy",
        "a silent proxy",
        "without the token",
        "another token",
        "the token of another port",
    ],
)
def test_without_a_login_only_who_is_at_home_may_act(address: str, request_: dict[str, Any], *, may: bool) -> None:
    """A silent proxy says nothing of whom it asks for, and names this machine as the host; some speak HTTP/1.1, too."""
    assert (handler(HOME | {"address": address}, **request_).why_not() is None) is may


def test_the_refusal_names_the_file_with_the_link(settings: Any) -> None:
    """A Flower with a token says so, and one without. A viewer from elsewhere hears of the login, and of no token."""
    for token in (SecretStr(TOKEN), None):
        settings(page_token=token)
        refused = handler(HOME, cookies={}).why_not()
        assert refused.startswith("this Flower has no login; open the link with the token that `booking up`")
        assert ".booking/page-link, or set PAGE_TOKEN or FLOWER_BASIC_AUTH" in refused
    assert handler(HOME).why_not() == refused, "no token opens a Flower that has none"
    assert "PAGE_TOKEN" not in handler(HOME, remote_ip="203.0.113.7").why_not()


def test_with_a_login_no_token_is_needed(settings: Any) -> None:
    """A user who is logged in may act, as before."""
    settings(page_token=None)

    assert handler(HOME | {"basic_auth": ["ann:secret"]}, cookies={}, remote_ip="203.0.113.7").why_not() is None


@pytest.mark.parametrize("space", [" ", "  ", "\t"])
def test_a_login_has_its_name_however_it_is_sent(space: str) -> None:
    """Flower lets in what any white space parts; nobody acts without a name."""
    sent = f"Basic{space}{b64encode(b'ann:a:secret').decode()}"

    assert handler({"auth": "", "basic_auth": ["ann:a:secret"]}, headers={"Authorization": sent}).who() == "ann"
