"""`booking retry --held`: what one cause holds is counted, asked about, and sent again."""

from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks.operations import retry

Booking = Callable[..., Any]


def held(record: Any, reason: HoldReason = HoldReason.CONFIGURATION, **columns: Any) -> int:
    """Make a held row; `columns` are written past the door."""
    row = record.moved(Status.HELD, hold_reason=reason)
    if columns:
        record.write(row.id, **columns)
    return int(row.id)


def statuses(record: Any, ids: list[int]) -> list[Status]:
    """Read how rows stand."""
    return [record.read(one).status for one in ids]


def test_all_that_one_cause_holds_is_sent_again(booking: Booking, record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches, with why in each story; what another cause holds stays."""
    monkeypatch.setattr(retry, "BATCH", 2)
    ids = [held(record) for _ in range(5)]
    other = held(record, HoldReason.CREDENTIALS)

    ran = booking("retry", "--held", "configuration", "--yes", "--why", "the proxy is gone")

    assert (ran.code, "5 of 5 bookings held for configuration: sent again." in ran.out) == (0, True)
    assert statuses(record, [*ids, other]) == [Status.PENDING] * 5 + [Status.HELD]
    story = booking("show", ids[0], "--json").json["story"]
    [event] = story
    assert (event["by"], event["detail"]["via"], event["detail"]["why"]) == (
        "operator",
        "command line",
        "the proxy is gone",
    )


def test_only_the_event_type_that_is_named(booking: Booking, record: Any) -> None:
    """Its page is mended, others' not yet; programs read how many."""
    ids = [held(record), held(record, event_type_id=7)]

    ran = booking("retry", "--held", "configuration", "--type", "7", "--yes", "--json")

    assert ran.json == {
        "reason": "configuration",
        "event_type_id": 7,
        "account": None,
        "held": 1,
        "sent": 1,
        "broker_down": False,
    }
    assert statuses(record, ids) == [Status.HELD, Status.PENDING]


def test_nothing_is_sent_before_somebody_says_yes(
    booking: Booking, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count comes first; a no does nothing, and a script that nobody watches must say --yes."""
    ids = [held(record), held(record)]
    ran = booking("retry", "--held", "configuration")
    assert (ran.code, "2 bookings held for configuration: give --yes" in ran.err) == (1, True)

    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text))
    ran = booking("retry", "--held", "configuration")

    assert (ran.code, asked) == (1, ["2 bookings held for configuration. Send them all again?"])
    assert statuses(record, ids) == [Status.HELD, Status.HELD]


def test_nothing_held_is_no_question(booking: Booking) -> None:
    """And no failure."""
    ran = booking("retry", "--held", "suspect")

    assert (ran.code, ran.out) == (0, "0 bookings held for suspect: nothing to do.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--held", "suspect", "42"), "no ids, no --not-booked"),
        (("--held", "suspect", "--not-booked"), "no ids, no --not-booked"),
        (("42", "--type", "7"), "the other options go with --held"),
        ((), "name bookings, or with --held what holds them"),
    ],
)
def test_bookings_are_named_one_by_one_or_by_what_holds_them(
    booking: Booking, arguments: tuple[str, ...], said: str
) -> None:
    """Not both, and not neither."""
    ran = booking("retry", *arguments)

    assert (ran.code, said in words(ran)) == (2, True)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("nonsense", "'nonsense' is none"),
        ("breaker_open", "they go by themselves, in the order of their requests"),
        ("throttled", "they go by themselves, in the order of their requests"),
        ("settling", "a lookup proves nothing before the settle time ends"),
    ],
)
def test_a_reason_for_which_a_retry_is_nothing_is_answered_with_those_there_are(
    booking: Booking, reason: str, said: str
) -> None:
    """What goes by itself is left in its order."""
    ran = booking("retry", "--held", reason)

    assert (ran.code, said in words(ran)) == (2, True)
    assert "There are: unreachable, blind_key, credentials, configuration, suspect" in words(ran)


def words(ran: Any) -> str:
    """Read what was said, without the frame around it."""
    return " ".join(ran.err.replace("│", " ").split())
