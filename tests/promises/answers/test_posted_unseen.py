"""Promise 2: after a 502 or 503 the second POST of a plain or collective type stands for the lookup, and no other."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from tasks.attempts import cases
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, carry_until, write

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, CONFIRMED, SEATS, ROUND_ROBIN, COLLECTIVE, WEEKLY = 101, 102, 103, 104, 106, 129
LISTS = {"method": "GET", "path": "/v2/bookings"}
TIMES = {"CALCOM_SETTLE_ANSWERED_SECONDS": "5", "CALCOM_SETTLE_SECONDS": "130"}


@pytest.fixture
def lost(settings: Settings, simulator: Any) -> Callable[..., int]:
    """Return how a booking is lost whose type is known: its POST is answered by a gateway, booked or not."""

    def lose(event_type: int, *, booked: bool, name: str = "unavailable") -> int:
        settings(**TIMES)
        before, one = accept(request(9, event_type), request(1, event_type))
        simulator.faults("status", name="internal", match=POST, count=1)
        carry(before)
        carry(before, after=6)  # its lookup has asked what the type is
        simulator.faults("commit_then_status" if booked else "status", name=name, match=POST, count=1)
        assert carry(one).outcome_unknown
        simulator.faults("status", name="internal", match=LISTS)  # from now on no look is answered
        return one

    return lose


@pytest.mark.parametrize("name", ["unavailable", "bad_gateway"])
@pytest.mark.parametrize("event_type", [PLAIN, COLLECTIVE], ids=["plain", "collective"])
def test_the_second_post_books_where_no_lookup_is_answered(
    lost: Callable[..., int], booked: Counts, event_type: int, name: str
) -> None:
    """Five seconds after the gateway's answer, with the list dead."""
    one = lost(event_type, booked=False, name=name)

    now = carry(one, after=6)

    assert (now.status, booked()[str(now.uuid)]) == (Status.CONFIRMED, 1)


@pytest.mark.parametrize("event_type", [PLAIN, COLLECTIVE], ids=["plain", "collective"])
def test_a_booking_that_was_made_is_not_made_again(
    lost: Callable[..., int], simulator: Any, booked: Counts, posts: Counts, event_type: int
) -> None:
    """The second POST is refused, perhaps by the first one's booking: that proves nothing, and a lookup finds it."""
    one = lost(event_type, booked=True)

    refused = carry(one, after=6)
    assert (refused.status, refused.outcome_unknown) == (Status.RETRYING, True)
    assert carry(one, after=6).outcome_unknown
    simulator.no_faults()

    now = carry_until(one, lambda it: it.status is Status.CONFIRMED, every=2, attempts=3)
    assert (booked()[str(now.uuid)], posts()[str(now.uuid)]) == (1, 2)


@pytest.mark.parametrize(
    ("event_type", "name"),
    [
        (ROUND_ROBIN, "unavailable"),
        (SEATS, "unavailable"),
        (CONFIRMED, "unavailable"),
        (WEEKLY, "unavailable"),
        (PLAIN, "internal"),
        (PLAIN, "gateway_timeout"),
    ],
    ids=["round robin", "seats", "confirmation", "series", "500", "504"],
)
def test_no_other_second_post_goes_before_a_lookup(
    lost: Callable[..., int],
    booked: Counts,
    posts: Counts,
    monkeypatch: pytest.MonkeyPatch,
    event_type: int,
    name: str,
) -> None:
    """However long no lookup is answered, and however late a person may cancel."""
    monkeypatch.setattr(cases, "YOUNG", 600)
    one = lost(event_type, booked=True, name=name)
    reference = str(row(one).uuid)
    before = booked()[reference]

    for after in (6, 6, 6, 131, 60):
        carry(one, after=after)

    assert (posts()[reference], booked()[reference]) == (1, before)


def test_what_a_person_may_have_cancelled_is_looked_up_first(
    lost: Callable[..., int], simulator: Any, posts: Counts
) -> None:
    """Half a minute after its POST the customer has read Cal.com's mail."""
    one = lost(PLAIN, booked=True)
    [booking] = simulator.bookings(str(row(one).uuid))
    simulator.person("cancel", booking["uid"])

    assert carry(one, after=40).outcome_unknown
    simulator.no_faults()

    now = carry_until(one, lambda it: it.status is Status.CANCELLED, every=2, attempts=3)
    assert posts()[str(now.uuid)] == 1


@pytest.mark.parametrize(
    ("columns", "then"),
    [
        ({"cancel_requested": True}, Status.RETRYING),
        ({"retry_count": 3}, Status.RETRYING),
        ({"ends_at": text("now() + interval '6 seconds'")}, Status.RETRYING),
    ],
    ids=["its cancel was asked for", "its retries are used up", "absence may end it"],
)
def test_what_is_not_to_be_posted_is_looked_up(
    lost: Callable[..., int], posts: Counts, columns: dict[str, Any], then: Status
) -> None:
    """As before."""
    one = lost(PLAIN, booked=False)
    write(one, **columns)

    now = carry(one, after=6)

    assert (now.status, now.outcome_unknown, posts()[str(now.uuid)]) == (then, True, 1)
    assert now.hold_reason is not HoldReason.BLIND_KEY


def test_a_type_whose_confirmation_was_switched_on_is_looked_up(
    lost: Callable[..., int], simulator: Any, posts: Counts
) -> None:
    """It is asked what the type is right before: with confirmation a second POST makes a second booking."""
    one = lost(PLAIN, booked=True)
    simulator.event_type(PLAIN, kind="confirm")

    carry(one, after=6)

    assert posts()[str(row(one).uuid)] == 1
