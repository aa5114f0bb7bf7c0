"""The judge of the part `accounts` finds calls with another's key or elsewhere, and holds by another's trouble."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos.accounts.fleet import CALCOMS, calcom_of
from tests.chaos.accounts.judge import LATER, TRIALS, Hold, Owner, Period, elsewhere, of_another, wrong_keys

BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)
KEYS = {1: {"ours"}, 2: {"first", "rotated"}, 3: {"third"}}
MINE = Owner(10, "r10", 2, ("uid-0", "uid-1"))


def call(key: str | None, reference: str | None = None, target: str = "/v2/bookings", method: str = "POST") -> Any:
    """Describe a call of the journal."""
    return {"method": method, "key": key, "reference": reference, "target": target}


@pytest.mark.parametrize("key", ["first", "rotated"])
def test_each_key_that_an_account_had_is_its_own(key: str) -> None:
    """An attempt keeps the key of its claim, also after a rotation."""
    assert list(wrong_keys([call(key, "r10"), call(key, None, "/v2/bookings/uid-1", "GET")], [MINE], KEYS)) == []


@pytest.mark.parametrize("key", ["ours", "third"])
@pytest.mark.parametrize(
    ("reference", "target"),
    [("r10", "/v2/bookings"), (None, "/v2/bookings/uid-1?x=1"), (None, "/v2/bookings/uid-1/cancel")],
)
def test_a_call_with_another_accounts_key_is_found(key: str | None, reference: str | None, target: str) -> None:
    """By our reference, or by the booking's uid."""
    [found] = wrong_keys([call(key, reference, target)], [MINE], KEYS)
    assert found.startswith("booking 10: POST with the key")


def test_a_booking_is_made_with_a_key_and_may_be_moved_without() -> None:
    """A move may be sent without one."""
    asked = [call(None, "r10"), call(None, None, "/v2/bookings/uid-1/reschedule")]
    assert len(list(wrong_keys(asked, [MINE], KEYS))) == 1


def test_seats_of_two_accounts_in_one_booking_are_both_theirs() -> None:
    """They have one uid, one of them before it moved; a third account has no business there."""
    owners = [MINE, Owner(11, "r11", 3, ("uid-1", "uid-2"))]
    asked = [call(key, None, "/v2/bookings/uid-1", "GET") for key in ("first", "third", "ours")]

    assert len(list(wrong_keys(asked, owners, KEYS))) == 1


def test_a_uid_that_cal_com_has_named_to_another_account_may_be_asked_for() -> None:
    """A refusal names the booking that the person has; our reference is still nobody else's."""
    named = replace(MINE, named=True)
    asked = [call("third", None, "/v2/bookings/uid-1", "GET"), call("third", "r10")]
    assert len(list(wrong_keys(asked, [named], KEYS))) == 1


def test_what_is_no_booking_of_ours_is_not_judged() -> None:
    """A list, a stranger's booking."""
    asked = [call("ours", None, "/v2/bookings?take=100", "GET"), call(None, "r99"), call("x", None, "/v2/me", "GET")]
    assert list(wrong_keys(asked, [MINE], KEYS)) == []


@pytest.mark.parametrize("calcom", range(CALCOMS))
@pytest.mark.parametrize(
    ("reference", "target"), [("r10", "/v2/bookings"), (None, "/v2/bookings/uid-1/cancel"), (None, "/v2/me")]
)
def test_a_call_at_another_cal_com_is_found(calcom: int, reference: str | None, target: str) -> None:
    """Whatever key it has; a call about no booking may come anywhere."""
    asked = {**call("first", reference, target), "calcom": calcom}
    wrong = list(elsewhere([asked], [replace(MINE, calcom=1)]))
    assert [line.startswith("booking 10: POST at Cal.com") for line in wrong] == [True] * (
        calcom != 1 and target != "/v2/me"
    )


def test_each_cal_com_has_as_many_accounts() -> None:
    """Neighbours are at one; without others all are at the first."""
    assert [calcom_of(turn, 59) for turn in range(60)] == [0] * 20 + [1] * 20 + [2] * 20
    assert calcom_of(0, 0) == 0


HELD = Hold(10, 2, "credentials", BEGAN)
REFUSED = Period("key", BEGAN - timedelta(seconds=5), BEGAN + timedelta(seconds=5))


def test_a_hold_by_the_own_trouble_is_right() -> None:
    """Also a while later: a claim may have read it before, a refused key is tried again after a minute and two."""
    later = replace(HELD, at=REFUSED.ended + TRIALS)
    paused = Period("paused", BEGAN, BEGAN)
    assert list(of_another([HELD, later], {2: [REFUSED]})) == []
    assert list(of_another([replace(HELD, reason="paused", at=BEGAN + LATER)], {2: [paused]})) == []
    for trouble in ("receiver", "down"):
        stopped = replace(HELD, reason="breaker_open")
        assert list(of_another([stopped], {2: [Period(trouble, BEGAN, BEGAN)]})) == []
        assert len(list(of_another([stopped], {2: [REFUSED]}))) == 1
    assert list(of_another([replace(HELD, reason="throttled")], {})) == []


@pytest.mark.parametrize(
    "hurt",
    [
        {},
        {3: [REFUSED]},
        {2: [replace(REFUSED, trouble="paused")]},
        {2: [replace(REFUSED, began=BEGAN + timedelta(seconds=1))]},
        {2: [replace(REFUSED, ended=BEGAN - TRIALS - timedelta(seconds=1), began=BEGAN - 2 * TRIALS)]},
    ],
)
def test_a_hold_by_anothers_trouble_is_found(hurt: dict[int, list[Period]]) -> None:
    """By an account that is well, by another kind of trouble, or at another time."""
    [found] = of_another([HELD], hurt)
    assert found.startswith("booking 10: held (credentials)")
