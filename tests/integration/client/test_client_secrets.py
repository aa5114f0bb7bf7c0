"""The API key and the customer's data appear nowhere but on the wire."""

import logging
import os
from collections.abc import Callable
from typing import Any

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http.answer import Answer, NoAnswer

KEY = "cal_test_secret_of_ours"


def broken(line: Any) -> None:
    """Answer with headers that urllib3 complains about, at length."""
    line.request()
    line.answer("200 OK", b"{}", "no colon here")


@pytest.mark.parametrize("behave", [None, broken, lambda line: line.request(), lambda line: line.answer("500 Oops")])
def test_no_log_line_and_no_answer_holds_a_secret(
    serve: Callable, client: Callable, caplog: pytest.LogCaptureFixture, behave: Callable | None
) -> None:
    """Even at level DEBUG, where urllib3 would print whole URLs."""
    caplog.set_level(logging.DEBUG)
    calcom = client(serve(behave).url if behave else "http://127.0.0.1:9")

    answer = calcom.list_bookings({"attendeeEmail": "ann@example.com"})

    seen = caplog.text + repr(answer) + repr(calcom) + str(vars(calcom).keys())
    assert KEY not in seen
    assert "ann" not in seen


def test_others_may_still_hear_urllib3(caplog: pytest.LogCaptureFixture) -> None:
    """It is silent during our calls alone."""
    caplog.set_level(logging.DEBUG)

    logging.getLogger("urllib3.connectionpool").warning("somebody else's")

    assert "somebody else's" in caplog.text


@pytest.mark.parametrize("key", ["cal_with\nnewline", "cal_with space", "cal_ümlaut"])
def test_a_key_that_cannot_be_is_refused_without_quoting_it(key: str) -> None:
    """`requests` would quote it."""
    with pytest.raises(ValueError, match="holds a character") as refused:
        CalcomClient("https://api.cal.example", key)

    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["ftp://api.cal.example", "https://", "api.cal.example", "https://user:secret@api.cal.example", "http://a/?q=1"],
)
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    """Without quoting a password in it."""
    with pytest.raises(ValueError, match="address") as refused:
        CalcomClient(url, KEY)

    assert "secret" not in str(refused.value)


def test_without_a_key_nothing_is_sent(serve: Callable) -> None:
    """Cal.com would book, and then show the booking to nobody."""
    server = serve()

    answer = CalcomClient(server.url, "").post_booking({})

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.error_type, server.connections) == (False, "credentials", 0)


def test_fingerprints_tell_keys_and_settings_apart_and_tell_nothing_else() -> None:
    """A hold ends when they change."""
    one, same, other = (CalcomClient("https://api.cal.example", key) for key in (KEY, KEY, KEY + "2"))
    newer = CalcomClient("https://api.cal.example", KEY, "2026-01-01")

    assert one.key_fingerprint == same.key_fingerprint == newer.key_fingerprint != other.key_fingerprint
    assert one.settings_fingerprint == same.settings_fingerprint != newer.settings_fingerprint
    assert len(one.key_fingerprint) == 12


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_after_a_fork_has_its_own_connection(serve: Callable, client: Callable) -> None:
    """And its parent's goes on as before."""
    server = serve()
    calcom: CalcomClient = client(server.url)
    calcom.post_booking({})

    if (child := os.fork()) == 0:
        answers = [calcom.post_booking({}) for _ in range(2)]
        os._exit(0 if all(isinstance(answer, Answer) for answer in answers) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert isinstance(calcom.post_booking({}), Answer)
    assert server.connections == 2
