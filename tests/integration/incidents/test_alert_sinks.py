"""Sinks deliver with the real Apprise to a real server: in bounded time, each for itself, and no URL is ever shown."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.ports.sinks import AlertMessage
from tests.support.fleet import eventually
from tests.support.servers.alert_sink import sink
from worker.alerts.sinks import AlertSinks

MESSAGE = AlertMessage("Cal.com is down: 37 held, 2 at risk", "Since: now")
PATIENT = "?rto=50&cto=50"  # seconds that Apprise waits, which else gives up after four


class Limit:
    """Stand in for the timer of a delivery: its time is over when the test says so."""

    def __init__(self, seconds: float, end: Callable[[], object]) -> None:
        self.seconds, self._end, self._runs = seconds, end, False

    def start(self) -> None:
        """Begin."""
        self._runs = True

    def is_alive(self) -> bool:
        """Return whether its time is still to come."""
        return self._runs

    def cancel(self) -> None:
        """Never come."""
        self._runs = False

    def over(self) -> None:
        """Come now."""
        assert self._runs
        self._runs = False
        self._end()


def test_a_sink_that_hangs_drips_or_fails_keeps_nothing_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, each with its own answer, and an end."""
    limits: list[Limit] = []

    def limit(seconds: float, end: Callable[[], object]) -> Limit:
        limits.append(Limit(seconds, end))
        return limits[-1]

    monkeypatch.setattr("worker.alerts.sinks.threading.Timer", limit)
    with ExitStack() as stack:
        ok, fail, hang, drip = (stack.enter_context(sink(manner)) for manner in ("ok", "fail", "hang", "drip"))
        urls = [*(one.url + PATIENT for one in (ok, fail, hang, drip)), "json://127.0.0.1:1/T0ken", "nonsense T0ken"]
        sinks = AlertSinks([SecretStr(url) for url in urls], limit=7)
        telling = sinks.deliver([(name, MESSAGE) for name in sinks.names])
        errors = dict(islice(telling, 4))
        eventually(lambda: (hang.asked, drip.asked) == (1, 1), what="both are being told")
        limits[0].over()
        errors |= dict(telling)

    silent = "does not answer within 7 s"
    assert [errors[place] for place in range(6)] == [
        *(None, "answers with HTTP 500", silent, silent),
        *("cannot be reached", "is not an address that Apprise knows"),
    ]
    assert [one.seconds for one in limits] == [7]
    assert [(got["title"], got["message"], got["type"]) for got in ok.got] == [(MESSAGE.title, MESSAGE.body, "failure")]


def test_no_name_repr_or_trouble_holds_a_url() -> None:
    """They stand in logs, tables and on the screen."""
    sinks = AlertSinks([SecretStr("json://user:Passw0rd@127.0.0.1:1/T0ken"), SecretStr("T0ken without a scheme")])
    errors = list(sinks.deliver([(name, MESSAGE) for name in sinks.names]))
    output = f"{sinks!r} {sinks.names} {errors}"

    assert [name.partition("-")[0] for name in sinks.names] == ["json", "unknown"]
    assert [word for word in ("T0ken", "Passw0rd", "127.0.0.1") if word in output] == []


def test_the_command_tells_each_sink_and_ends_with_one_if_any_fails(
    settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`booking alerts --test`, a line a sink, without a secret."""
    from worker.cli import alerts  # noqa: PLC0415 - as the command does

    settings()
    assert not alerts.run(test=True, json=False)
    assert "ALERT_URLS: not given" in capsys.readouterr().err
    with sink() as ok, sink("fail") as fail:
        monkeypatch.setenv("ALERT_URLS", ok.url + PATIENT)
        assert alerts.run(test=True, json=False)
        monkeypatch.setenv("ALERT_URLS", f"{ok.url}{PATIENT} {fail.url}{PATIENT}")
        assert not alerts.run(test=True, json=False)
    output = capsys.readouterr().out
    assert len(ok.got) == 2
    assert sorted(line.split()[0] for line in output.splitlines()) == ["WRONG", "ok", "ok"]
    assert "answers with HTTP 500" in output
    assert "T0ken" not in output


def test_a_process_that_cannot_start_its_child_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A child that dies at once is trouble of every sink, not silence."""
    monkeypatch.setattr("worker.alerts.sinks._CHILD", tmp_path / "absent.py")

    sinks = AlertSinks([SecretStr("json://127.0.0.1:1/")])
    assert list(sinks.deliver([(name, MESSAGE) for name in sinks.names])) == [(0, "could not be tried")]
