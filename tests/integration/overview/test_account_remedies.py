"""What ends a refused key is said in the same words by each face: of one of several accounts it is its own key."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet

from db import appointments
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.incidents.check import check
from tasks.incidents.messages import what_to_do
from tasks.incidents.places import page_path
from tasks.operations import accounts as operations
from tasks.overview.payload import payload
from tasks.overview.reading import read_overview
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tasks.story.booking_story import block_of, gather
from tests.integration.accounts.conftest import OTHERS, THEIRS, add, asked
from tests.support.fleet import request
from tests.support.stepping import accept, carry, state

OURS = "cal_test_owner"
TRIED = "at longer and longer intervals up to an hour"


@pytest.fixture
def salon(settings: Callable[..., Any]) -> None:
    """Add an account beside `default`."""
    settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    add()


def why(booking: int) -> str:
    """Return the line that `booking show` and the page have."""
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        row = appointments.get(conn, booking)
        assert row is not None
        return gather(conn, row, key=deps.calcom.key_fingerprint, blocked_by=partial(block_of, deps)).why


def told() -> dict[str, str]:
    """Return what the answer, the held row and the incidents say is to be done."""
    deps = dependencies.current()
    check()
    seen = read_overview(deps)
    said = verdict(seen)
    with deps.engine.connect() as conn:
        open_ones = list(incidents.notified(conn, open_only=True))
    [held] = [one for one in payload(seen, said)["holds"] if one["reason"] == HoldReason.CREDENTIALS]
    return {
        "answer": f"{render(said.sentence, seen.read_at)} {render(said.if_nobody_acts, seen.read_at)}",
        "held": held["moves_on"][0],
        **{one.kind: what_to_do(one) for one in open_ones},
    }


@pytest.mark.usefixtures("salon")
def test_an_accounts_key_is_rotated(simulator: Any) -> None:
    """Nobody is sent to CALCOM_API_KEY, and nothing is tried each minute."""
    [one] = accept(request(1, account="salon-7"))
    simulator.faults("status", name="invalid_key", match={"key": THEIRS})
    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)

    faces = {"story": why(one), **told()}

    for name in ("story", "answer", "held", "account_refused"):
        assert "`booking accounts rotate salon-7`" in faces[name], faces
    with dependencies.current().engine.connect() as conn:
        [alert] = incidents.notified(conn, open_only=True)
    assert page_path(alert) == "/bookings?state=held&account=salon-7&sort=asked"
    assert all(TRIED in faces[name] for name in ("story", "held", "account_refused"))
    assert not any("CALCOM_API_KEY" in said or "minute" in said for said in faces.values()), faces


@pytest.mark.usefixtures("salon")
def test_the_key_of_default_is_the_settings(simulator: Any) -> None:
    """And is named, since there are others."""
    [one] = accept(request(1))
    simulator.faults("status", name="invalid_key", match={"key": OURS})
    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)

    faces = {"story": why(one), **told()}

    assert faces["answer"].startswith("Cal.com refuses the key of default since ")
    assert all("set a valid CALCOM_API_KEY and restart the workers" in said for said in faces.values()), faces
    assert not any("rotate" in said for said in faces.values()), faces


def test_of_one_account_the_words_are_as_before(settings: Callable[..., Any], simulator: Any) -> None:
    """Each minute, and with another CALCOM_API_KEY."""
    settings()
    [one] = accept(request(1))
    simulator.faults("status", name="invalid_key")
    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)

    faces = {"story": why(one), **told()}

    assert "Cal.com is asked once a minute" in faces["story"]
    assert "Cal.com refuses our key" in faces["answer"]
    assert faces["held"] == "a key that Cal.com takes; Cal.com is asked each minute"


@pytest.mark.usefixtures("salon")
def test_a_pause_is_ended_by_its_accounts_name() -> None:
    """Its bookings say which."""
    add("salon-8", OTHERS, first=False)
    [one] = accept(request(1, account="salon-8"))
    operations.pause(dependencies.current(), "salon-8", asked())
    assert state(carry(one)) == (Status.HELD, HoldReason.PAUSED)

    assert "`booking accounts resume salon-8`" in why(one)
