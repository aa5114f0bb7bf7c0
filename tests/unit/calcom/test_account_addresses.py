"""The one spelling of a Cal.com's address."""

import pytest

from tasks.operations.accounts.addresses import normalized


@pytest.mark.parametrize(
    ("spelled", "address"),
    [
        ("https://api.cal.com", "https://api.cal.com"),
        ("HTTPS://API.Cal.com", "https://api.cal.com"),
        ("https://api.cal.com:443/", "https://api.cal.com"),
        ("https://api.cal.com.", "https://api.cal.com"),
        ("https://api.cal.com:8443", "https://api.cal.com:8443"),
        ("http://cal.example.com:80", "http://cal.example.com"),
        ("http://cal.example.com:443", "http://cal.example.com:443"),
        ("https://example.com/Cal/", "https://example.com/Cal"),
        ("https://example.com/a/../%7ecal", "https://example.com/%7Ecal"),
        ("https://MÜLLER.example.com", "https://xn--mller-kva.example.com"),
        ("http://127.1:3000", "http://127.0.0.1:3000"),
        ("http://2130706433", "http://127.0.0.1"),
        ("http://[0:0:0::1]:80", "http://[::1]"),
    ],
)
def test_an_address_has_one_spelling(spelled: str, address: str) -> None:
    """Written twice it stays; a path that differs in case is another one."""
    assert normalized(spelled) == address
    assert normalized(address) == address


@pytest.mark.parametrize(
    "wrong", ["ftp://cal.example.com", "https://", "https://a b.example.com", "https://a.example:99999"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    """As an error of the value, which the operator sees in words."""
    with pytest.raises(ValueError, match="not an http"):
        normalized(wrong)
