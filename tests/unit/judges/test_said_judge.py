"""The judge of words to callers finds each untrue one, by whatever face it was said, and lets pass what was so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.callers.sentences import SENTENCES, Said, spoken
from tests.chaos.books import Line
from tests.chaos.calls.deal import START as CALLED_FOR
from tests.chaos.calls.deal import ZONE, Form, deal
from tests.chaos.calls.judge import BOOKING, Reply, Story
from tests.chaos.calls.judge import untrue as untrue_in_a_call
from tests.chaos.changes.books import Change
from tests.chaos.said.judge import CHECKS, Facts, untrue
from tests.chaos.said.words import Claim, Word, of_booking, of_callback, of_change, of_retell, written

BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)
START, NEW = "2030-03-01T09:00:00Z", "2030-08-01T09:00:00Z"


def at(seconds: float) -> datetime:
    """Return a moment of the run."""
    return BEGAN + timedelta(seconds=seconds)


def there(start: str) -> str:
    """Return a start as Cal.com's books have it."""
    return written(datetime.fromisoformat(start))


def change(status: str, start: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the document of a change that was asked for in the tenth second."""
    kind = "cancel" if start is None else "reschedule"
    final = status not in {"waiting", "pending", "changing", "retrying", "held"}
    told = {"id": 3, "booking": 7, "kind": kind, "status": status, "start": start, "scope": None, "final": final}
    return {**told, "requested_at": at(10).isoformat(), **more}


def document(status: str, start: str = START, of: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the document of a booking, with that of its newest change."""
    return {"id": 7, "status": status, "start": start, "change": of}


def http(when: float, status: str, start: str = START, of: dict[str, Any] | None = None) -> list[Word]:
    """Return what was heard over HTTP of a booking, a second after it was asked for."""
    return list(of_booking(document(status, start, of), at(when - 1), at(when)))


def of_its_change(when: float, status: str, start: str | None = None, **more: Any) -> list[Word]:
    """Return what was heard of a change alone."""
    return [of_change(change(status, start, **more), at(when - 1), at(when))]


def callback(when: float, kind: str, status: str, start: str = START, **more: Any) -> list[Word]:
    """Return what a callback told that was stored a second before it was taken."""
    data = {"id": 7, "status": status, "start": start, "corrects": None, **more}
    return list(of_callback({"type": kind, "timestamp": at(when - 1).isoformat(), "data": data}, at(when)))


LIVES = Line(reference="r7", uid="u1", start=there(START), made=at(5))
GONE = replace(LIVES, ended=at(20))
MOVED = Line(reference="r7", uid="u2", start=there(NEW), made=at(20), moved_from="u1")
CANCEL = Change(id=3, booking=7, status="done", from_uid="u1", asked=at(10), ends=((at(21), "done"),))
MOVE = replace(CANCEL, wanted=there(NEW), to_uid="u2")
BOOKED, NOTHING = Facts(lines=[LIVES]), Facts()
CANCELLED, AT_NEW = Facts(lines=[GONE], changes=[CANCEL]), Facts(lines=[GONE, MOVED], changes=[MOVE])
BY_HOST = Facts(lines=[GONE], deeds={"u1"})
NOT_MOVED = {"change": {"id": 3, "kind": "reschedule", "status": "refused"}}


def found(words: list[Word], facts: Facts) -> list[str]:
    """Return what is untrue of words about one booking."""
    return [why for _, why in untrue(words, facts)]


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        pytest.param(http(6, "confirmed"), BOOKED, id="booked"),
        pytest.param(http(5.5, "confirmed"), BOOKED, id="booked while it was asked"),
        pytest.param(http(4, "pending"), BOOKED, id="noted"),
        pytest.param(http(15, "confirmed", of=change("changing")), CANCELLED, id="a cancel is under way"),
        pytest.param(http(23, "confirmed", of=change("held")), CANCELLED, id="its outcome is unknown"),
        pytest.param(http(23, "cancelled", of=change("done")), CANCELLED, id="cancelled"),
        pytest.param(of_its_change(23, "done"), CANCELLED, id="its cancel is done"),
        pytest.param(http(23, "confirmed", NEW, change("done", NEW)), AT_NEW, id="moved"),
        pytest.param(of_its_change(15, "pending", NEW), AT_NEW, id="its move is noted"),
        pytest.param(of_its_change(15, "refused", NEW), BOOKED, id="not moved"),
        pytest.param(of_its_change(23, "done", "2030-03-01T09:00:00Z", id=4), AT_NEW, id="moved back, before that"),
        pytest.param(of_its_change(15, "refused", NEW, id=4), AT_NEW, id="another wish has moved it there"),
        pytest.param(http(30, "confirmed"), BY_HOST, id="its host has cancelled it"),
        pytest.param(
            http(23, "confirmed"),
            replace(BY_HOST, changes=[replace(CANCEL, asked=at(22))]),
            id="its host has cancelled it, and then its caller",
        ),
        pytest.param(http(27, "confirmed"), replace(BY_HOST, learned=[at(21)]), id="that is not committed yet"),
        pytest.param(callback(6, "booking.confirmed", "confirmed"), BOOKED, id="told"),
        pytest.param(callback(20.5, "booking.confirmed", "confirmed"), CANCELLED, id="told late"),
        pytest.param(callback(15, "change.refused", "confirmed", **NOT_MOVED), BOOKED, id="told that it stands"),
        pytest.param(
            callback(4, "booking.expired", "expired")
            + callback(9, "booking.confirmed", "confirmed", corrects="booking.expired"),
            BOOKED,
            id="taken back",
        ),
        pytest.param(http(6, "confirmed") + http(23, "cancelled"), CANCELLED, id="cancelled later"),
        pytest.param(
            http(6, "confirmed"),
            replace(CANCELLED, weeks={"u1"}, changes=[replace(CANCEL, from_uid="series")]),
            id="its series is cancelled later",
        ),
        pytest.param(
            http(23, "cancelled") + callback(22.5, "booking.confirmed", "confirmed"), BY_HOST, id="told behind"
        ),
    ],
)
def test_what_was_so_passes(words: list[Word], facts: Facts) -> None:
    """Then, or while a change is told as under way; what people do at Cal.com is known later, or never."""
    assert found(words, facts) == []


def planted() -> Iterator[Any]:
    """Yield untrue words, and what is wrong with them."""
    no_such, lives, later = "no such booking then", "there then", "booked later"
    gone, differently = "nobody has asked for it", "for good"
    one = pytest.param
    yield one(http(4, "confirmed"), BOOKED, no_such, id="booked, too early")
    yield one(http(6, "confirmed", NEW), BOOKED, no_such, id="booked, elsewhere")
    yield one(http(6, "confirmed"), NOTHING, no_such, id="booked, never")
    yield one(http(23, "confirmed"), CANCELLED, no_such, id="booked, after its cancel")
    yield one(http(23, "confirmed", of=change("done")), CANCELLED, no_such, id="booked, beside its cancel")
    yield one(http(23, "confirmed", of=change("done", NEW)), AT_NEW, no_such, id="booked, where it was")
    yield one(http(23, "confirmed", of=change("refused")), CANCELLED, no_such, id="a refused cancel was carried out")
    yield one(http(30, "confirmed"), replace(BY_HOST, learned=[at(21)]), no_such, id="booked, as we know better")
    yield one(
        http(30, "confirmed"), replace(CANCELLED, deeds={"u1"}), no_such, id="a host wanted what a caller had done"
    )
    yield one(http(6, "cancelled"), BOOKED, lives, id="cancelled, and it lives")
    yield one(http(6, "rejected"), BOOKED, lives, id="rejected, and it lives")
    yield one(http(4, "failed"), BOOKED, later, id="failed, and booked later")
    yield one(http(4, "expired"), BOOKED, later, id="expired, and booked later")
    yield one(of_its_change(19, "done"), CANCELLED, lives, id="its cancel is done, too early")
    yield one(of_its_change(19, "done", NEW), AT_NEW, "no such booking until then", id="its move is done, too early")
    yield one(of_its_change(15, "refused", NEW), AT_NEW, later, id="not moved, and moved later")
    yield one(of_its_change(23, "expired", NEW), AT_NEW, lives, id="not moved, and it is there")
    yield one(http(6, "pending"), Facts(is_kept=False), "not stored", id="noted, and there is no row")
    yield one(http(6, "confirmed"), Facts(lines=[GONE]), gone, id="booked, and gone by nobody's wish")
    yield one(http(6, "rejected") + http(9, "failed"), NOTHING, differently, id="two ends")
    yield one(http(22, "cancelled") + http(30, "expired"), CANCELLED, differently, id="two ends, one after a cancel")
    ends = of_its_change(15, "refused", NEW) + of_its_change(23, "withdrawn", NEW)
    yield one(ends, BOOKED, differently, id="two ends of a change")
    yield one(callback(4, "booking.confirmed", "confirmed"), BOOKED, no_such, id="told as booked, too early")
    yield one(callback(30, "booking.confirmed", "confirmed"), CANCELLED, no_such, id="told as booked, and gone")
    yield one(callback(6, "booking.rescheduled", "confirmed", NEW), BOOKED, no_such, id="told as moved")
    yield one(callback(6, "booking.cancelled", "cancelled"), BOOKED, lives, id="told as cancelled")
    yield one(callback(6, "booking.failed", "failed"), BOOKED, lives, id="told as failed")
    told = callback(23, "change.refused", "confirmed", NEW, **NOT_MOVED)
    yield one(told, AT_NEW, lives, id="told as not moved")
    told = callback(4, "booking.expired", "expired") + callback(9, "booking.confirmed", "confirmed")
    yield one(told, BOOKED, "does not take it back", id="told otherwise, and not taken back")


@pytest.mark.parametrize(("words", "facts", "why"), [*planted()])
def test_each_untrue_word_is_found(words: list[Word], facts: Facts, why: str) -> None:
    """Over HTTP and by callbacks."""
    assert any(why in one for one in found(words, facts)), found(words, facts)


@pytest.mark.parametrize(("said", "why"), [(Said.DONE, "no such booking"), (Said.TAKEN, "nobody else had that time")])
def test_an_untrue_word_on_the_telephone_is_found(said: Said, why: str) -> None:
    """By the same judge."""
    dealt = replace(deal(1, 1)[0], form=Form.VAPI, language="en")
    text = SENTENCES["en"][said].format(time=spoken(CALLED_FOR, ZONE.key, "en"))
    reply = Reply(tool="book", start=CALLED_FOR, asked_at=at(1), heard_at=at(2), said=text, stored=frozenset({BOOKING}))

    assert any(why in line for line in untrue_in_a_call(Story(dealt, [reply], Facts(others=[]), ["rejected"])))


def test_what_retell_is_told_beside_a_sentence_is_judged_too() -> None:
    """While a change of our record is under way it is of the booking as it was."""
    told = [of_retell({"booking": 7, "status": "confirmed", "start": START}, at(22), at(23))]
    unknown = replace(CANCEL, status="held", ends=())

    assert found(told, replace(CANCELLED, changes=[unknown])) == []
    assert any("no such booking" in why for why in found(told, replace(BY_HOST, deeds=())))


def test_the_same_complaint_is_told_once() -> None:
    """By its first word, however often it was said."""
    [(word, why)] = untrue([*http(9, "cancelled"), *http(6, "cancelled")], BOOKED)
    assert word.heard == at(6)
    assert (word.words(), why) == (
        f"HTTP said at {at(6).isoformat()}: cancelled (cancelled)",
        "there then at Cal.com as u1",
    )


def test_every_claim_is_judged() -> None:
    """None is passed over."""
    assert set(CHECKS) == set(Claim)
