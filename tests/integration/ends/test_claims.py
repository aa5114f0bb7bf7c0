"""The claims of a process's threads are one statement; what cannot be claimed so is claimed by its thread alone."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from db import appointments
from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import enqueue_bookings
from tasks.work import claim as claims
from tasks.work.claim import claim
from tests.support.fleet import request, row


@pytest.fixture
def bookings(settings: Callable[..., dict[str, str]]) -> list[int]:
    """Return the ids of three bookings that are asked for."""
    settings()
    return [one.appointment_id for one in enqueue_bookings([request(number) for number in range(3)])]


def test_two_deliveries_of_one_id_in_a_group_are_one_attempt(bookings: list[int]) -> None:
    """The second asks by itself, and finds nothing."""
    deps = dependencies.current()

    first, second, other = claims._claim_together(deps, [bookings[0], bookings[0], bookings[1]])  # noqa: SLF001 - the group

    assert (first and first.row.id, second, other and other.row.id) == (bookings[0], None, bookings[1])
    assert claim(deps, bookings[0]) is None


def test_what_fails_together_is_claimed_by_each_alone(bookings: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the group is nobody's."""

    def fails(*_: Any, **__: Any) -> dict[int, appointments.Claimed]:
        raise OperationalError("claim", {}, Exception("cut off"))

    monkeypatch.setattr(appointments, "claim_together", fails)
    claimed = claim(dependencies.current(), bookings[0])

    assert claimed is not None
    assert row(bookings[0]).status is Status.BOOKING


@pytest.mark.parametrize("how", [{"released": True}, {"at_once": True}], ids=["released", "tried again at once"])
def test_what_was_let_go_or_failed_before_is_claimed_alone(
    bookings: list[int], monkeypatch: pytest.MonkeyPatch, how: dict[str, bool]
) -> None:
    """It waits for no group."""

    def never(*_: Any) -> Any:
        raise AssertionError("it asks with others")

    deps = dependencies.current()
    monkeypatch.setattr(deps.claims, "ask", never)
    assert claim(deps, bookings[0], **how) is not None
