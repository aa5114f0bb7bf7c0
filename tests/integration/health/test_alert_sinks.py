"""Sinks deliver with the real Apprise to a real server: in bounded time, each for itself, and no URL is ever shown."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.alert_sinks import Message
from tests.support.alert_sink import sink
from worker.alerts.sinks import AlertSinks

MESSAGE = Message("Cal.com is down: 37 held, 2 at risk", "Since: now")
LIMIT = 3.0


def tell(*urls: str) -> dict[str, str | None]:
    """Send one message to each and return the error by name."""
    sinks = AlertSinks([SecretStr(url) for url in urls], limit=LIMIT)
    return {sinks.names[place]: error for place, error in sinks.deliver([(name, MESSAGE) for name in sinks.names])}


def test_a_sink_that_hangs_drips_or_fails_keeps_nothing_from_the_others() -> None:
    """All at once, each with its own answer, and an end."""
    with ExitStack() as stack:
        ok, fail, hang, drip = (stack.enter_context(sink(manner)) for manner in ("ok", "fail", "hang", "drip"))
        errors = tell(ok.url, fail.url, hang.url + "?rto=50", drip.url, "json://127.0.0.1:1/T0ken", "nonsense T0ken")

    silent = f"does not answer within {LIMIT:g} s"
    assert sorted(str(error) for error in errors.values()) == sorted(
        ["None", "answers with HTTP 500", silent, silent, "cannot be reached", "is not an address that Apprise knows"]
    )
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
    """`booking alerts test`, a line a sink, without a secret."""
    from worker.cli.alerts import alerts  # noqa: PLC0415 - as the command does

    settings()
    assert not alerts.test()
    assert "ALERT_URLS: not given" in capsys.readouterr().err
    with sink() as ok, sink("fail") as fail:
        monkeypatch.setenv("ALERT_URLS", ok.url)
        assert alerts.test()
        monkeypatch.setenv("ALERT_URLS", f"{ok.url} {fail.url}")
        assert not alerts.test()
    output = capsys.readouterr().out
    assert len(ok.got) == 2
    assert sorted(line.split()[0] for line in output.splitlines()) == ["WRONG", "ok", "ok"]
    assert "answers with HTTP 500" in output
    assert "T0ken" not in output


def test_a_process_that_cannot_start_its_child_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A child that dies at once is trouble of every sink, not silence."""
    monkeypatch.setattr("worker.alerts.sinks._CHILD", tmp_path / "absent.py")

    assert list(tell("json://127.0.0.1:1/").values()) == ["could not be tried"]
