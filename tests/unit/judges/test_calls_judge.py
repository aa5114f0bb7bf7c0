"""The judge of dealt calls finds each untruth, and lets pass what is true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from booking_client.states import ChangeKind
from tasks.callers.sentences import SENTENCES, Said, spoken
from tasks.changes.ask.spoken import CHANGE_SENTENCES, SaidOfChange
from tests.chaos.books import Line
from tests.chaos.calls.deal import OTHER, START, WANTED, ZONE, DealtCall, Form, House, Want, deal
from tests.chaos.calls.hearing import CLAIMS
from tests.chaos.calls.judge import BOOKING, Reply, Story, untrue
from tests.chaos.changes.books import Change
from tests.chaos.said.judge import Facts
from tests.chaos.said.words import written
from worker.api.voice.sentences import ASKED, Asked

DEALT = replace(deal(1, 1)[0], form=Form.VAPI, language="en", want=Want.BOOK)
BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment of the call."""
    return BEGAN + timedelta(seconds=seconds)


BOOKED = Line(reference="r1", uid="u1", start=written(START), made=at(5))
MOVED = [replace(BOOKED, ended=at(20)), Line(reference="r1", uid="u2", start=written(WANTED), made=at(20))]
GONE = replace(BOOKED, ended=at(20))
ANOTHERS = Line(reference="r2", uid="u9", start=written(START), made=at(9))
CHANGED = Change(id=1, booking=1, status="done", from_uid="u1")


def words(key: Said | SaidOfChange | Asked, time: datetime = START, old: datetime = START) -> str:
    """Return a sentence as an agent hears it."""
    tables: dict[Any, str] = {**SENTENCES["en"], **ASKED["en"]}
    text = CHANGE_SENTENCES["en"][key] if isinstance(key, SaidOfChange) else tables[key]
    return text.format(time=spoken(time, ZONE.key, "en"), old=spoken(old, ZONE.key, "en"))


def heard(
    key: Said | SaidOfChange | Asked, when: float = 10.0, *, tool: str = "book", time: datetime = START, **more: Any
) -> Reply:
    """Return an answer that came `when`, a second after it was asked for."""
    start = START if tool == "book" else None
    given = {"stored": frozenset({BOOKING}), "start": start, **more}
    moments = {"asked_at": BEGAN + timedelta(seconds=when - 1), "heard_at": BEGAN + timedelta(seconds=when)}
    return Reply(tool=tool, said=words(key, time), **moments, **given)


def found(
    *replies: Reply,
    lives: Sequence[Line] = (),
    others: Sequence[Line] = (),
    ends: Sequence[str] = (),
    changes: Sequence[str] = (),
    dealt: DealtCall = DEALT,
) -> list[str]:
    """Return what is untrue of a call."""
    facts = Facts(lines=lives, others=others, changes=[CHANGED] * ("done" in changes))
    return list(untrue(Story(dealt, replies, facts, ends, changes)))


CONFIRMED: dict[str, Any] = {"lives": [BOOKED], "ends": ["confirmed"]}
REJECTED: dict[str, Any] = {"others": [ANOTHERS], "ends": ["rejected"]}
CANCELLED: dict[str, Any] = {"lives": [GONE], "ends": ["cancelled"], "changes": ["done"]}
MOVED_TO: dict[str, Any] = {"lives": MOVED, "ends": ["confirmed"], "changes": ["done"]}
TAKEN_THERE: dict[str, Any] = {
    **CONFIRMED,
    "others": [replace(ANOTHERS, start=written(WANTED))],
    "changes": ["refused"],
}
CANCEL_STORED = frozenset({BOOKING, ChangeKind.CANCEL})
MOVE_STORED = frozenset({BOOKING, ChangeKind.RESCHEDULE})


@pytest.mark.parametrize(
    ("replies", "world"),
    [
        ([heard(Said.DONE)], CONFIRMED),
        ([heard(Said.UNDER_WAY, 4.0), heard(Said.AGAIN)], CONFIRMED),
        ([heard(Said.NOT_ACCEPTED, 3.0, stored=frozenset()), heard(Said.DONE)], CONFIRMED),
        ([heard(Said.OUTAGE, stored=None)], CONFIRMED),
        ([heard(Said.TAKEN)], REJECTED),
        ([heard(Said.UNDER_WAY, 3.0), heard(Said.TAKEN)], REJECTED),
        ([heard(SaidOfChange.CANCELLED, 21.0, tool="cancel")], CANCELLED),
        ([heard(SaidOfChange.CANCEL_NOTED, 19.0, tool="cancel", stored=CANCEL_STORED)], CANCELLED),
        ([heard(SaidOfChange.MOVED, 21.0, tool="reschedule", time=WANTED)], MOVED_TO),
        ([heard(SaidOfChange.MOVE_OUTAGE, 19.0, tool="reschedule", time=WANTED, stored=MOVE_STORED)], MOVED_TO),
        ([heard(SaidOfChange.MOVE_REFUSED, 19.0, tool="reschedule")], {**CONFIRMED, "changes": ["refused"]}),
        ([heard(SaidOfChange.MOVE_TAKEN, 19.0, tool="reschedule", time=WANTED)], TAKEN_THERE),
        ([heard(Asked.WHICH, tool="status", stored=frozenset())], {}),
        ([heard(Asked.NOT_FOUND, tool="status", stored=frozenset())], {}),
        ([heard(Said.UNDER_WAY), heard(Said.DONE, 30.0, tool="status", last=True)], CONFIRMED),
        ([Reply(tool="book", start=START, asked_at=at(1), heard_at=at(2))], {}),
    ],
)
def test_what_is_true_passes(replies: Sequence[Reply], world: dict[str, Any]) -> None:
    """At the moment when it was heard; a broken connection says nothing."""
    assert found(*replies, **world) == []


@pytest.mark.parametrize(
    ("replies", "world"),
    [
        pytest.param([heard(Said.DONE, 4.0)], CONFIRMED, id="booked, before it is"),
        pytest.param([heard(Said.DONE)], REJECTED, id="booked, and another has it"),
        pytest.param([heard(Said.DONE, time=OTHER)], CONFIRMED, id="booked, at another time"),
        pytest.param([heard(Said.DONE, 22.0)], CANCELLED, id="booked, and it is gone"),
        pytest.param([heard(Said.UNDER_WAY), heard(Said.DONE, 12.0)], CONFIRMED, id="asked again, told as new"),
        pytest.param([heard(Said.TAKEN)], CONFIRMED, id="taken by its own booking"),
        pytest.param([heard(Said.TAKEN)], {**CONFIRMED, "others": [ANOTHERS]}, id="taken by another, and booked"),
        pytest.param([heard(Said.TAKEN, 4.0)], {**CONFIRMED, "others": [ANOTHERS]}, id="taken, and booked later"),
        pytest.param([heard(Said.TAKEN, 8.0)], REJECTED, id="taken, before anybody had it"),
        pytest.param([heard(Said.UNDER_WAY, stored=frozenset())], CONFIRMED, id="noted, and not stored"),
        pytest.param(
            [heard(SaidOfChange.CANCEL_NOTED, 19.0, tool="cancel")], CANCELLED, id="a cancel noted, and not stored"
        ),
        pytest.param(
            [heard(SaidOfChange.MOVE_NOTED, 19.0, tool="reschedule", time=WANTED, stored=CANCEL_STORED)],
            MOVED_TO,
            id="a move noted, and a cancel stored",
        ),
        pytest.param([heard(Said.UNDER_WAY)], {"ends": ["failed"]}, id="noted, and it failed"),
        pytest.param([heard(Said.UNDER_WAY)], {}, id="noted, and there is no row"),
        pytest.param([heard(Said.DONE)], {"lives": [BOOKED], "ends": ["rejected"]}, id="its row says it is not"),
        pytest.param(
            [heard(Said.DONE)], {"lives": [BOOKED, BOOKED], "ends": ["confirmed"] * 2}, id="a repeat that booked"
        ),
        pytest.param([heard(SaidOfChange.CANCELLED, 19.0, tool="cancel")], CANCELLED, id="cancelled, before it is"),
        pytest.param(
            [heard(SaidOfChange.CANCEL_NOTED, tool="cancel", stored=CANCEL_STORED)], CONFIRMED, id="never cancelled"
        ),
        pytest.param([heard(Said.REFUSED)], CONFIRMED, id="could not book it"),
        pytest.param(
            [heard(SaidOfChange.MOVED, 19.0, tool="reschedule", time=WANTED)], MOVED_TO, id="moved, before it is"
        ),
        pytest.param(
            [heard(SaidOfChange.MOVE_NOTED, tool="reschedule", time=WANTED, stored=MOVE_STORED)],
            {**CONFIRMED, "changes": ["failed"]},
            id="never moved",
        ),
        pytest.param(
            [heard(SaidOfChange.CANCEL_OUTAGE, 22.0, tool="cancel", stored=CANCEL_STORED)],
            CANCELLED,
            id="stands until then, and it is gone",
        ),
        pytest.param([heard(SaidOfChange.MOVE_REFUSED, 22.0, tool="reschedule")], MOVED_TO, id="the old one stands"),
        pytest.param(
            [heard(SaidOfChange.MOVE_TAKEN, 19.0, tool="reschedule", time=WANTED)],
            {**CONFIRMED, "changes": ["refused"]},
            id="the new time is taken, and nobody has it",
        ),
        pytest.param(
            [heard(SaidOfChange.MOVE_TAKEN, 22.0, tool="reschedule", time=WANTED)],
            {**MOVED_TO, "others": TAKEN_THERE["others"]},
            id="the new time is taken, and it was moved there",
        ),
        pytest.param([heard(Said.UNDER_WAY), heard(Asked.WHICH, 12.0, tool="status")], CONFIRMED, id="its own call"),
        pytest.param([heard(Asked.SECOND)], CONFIRMED, id="a repeat is a second booking"),
        pytest.param([replace(heard(Said.DONE), said="You are booked.")], CONFIRMED, id="a sentence that no table has"),
        pytest.param([replace(heard(Said.DONE), wrong="500")], CONFIRMED, id="no answer of an API"),
        pytest.param([heard(Said.UNDER_WAY, tool="status", last=True)], CONFIRMED, id="under way for ever"),
        pytest.param([heard(Asked.WHICH, tool="status", last=True)], CONFIRMED, id="not told at the end"),
    ],
)
def test_what_is_untrue_is_found(replies: Sequence[Reply], world: dict[str, Any]) -> None:
    """One thing is wrong in each."""
    assert found(*replies, **world) != []


def test_each_sentence_about_a_booking_claims_something() -> None:
    """But for those that no dealt call has: of a host, of another refusal, of who wants to be the first, of weeks."""
    of_weeks = {said for said in SaidOfChange if said.startswith("week")}
    out_of_place = {Said.HOST, SaidOfChange.MOVED_HOST, Said.REFUSED, Said.FAILED, Said.NOT_FIRST, *of_weeks}
    assert {*Said, *SaidOfChange} - CLAIMS.keys() == out_of_place


def test_a_long_deal_has_all_of_each_kind() -> None:
    """None is left to chance, and a rival's slot has two calls."""
    dealt = deal(1, 500)
    assert deal(1, 500) == dealt != deal(2, 500)
    for name, wanted in (("form", Form), ("want", Want), ("house", House)):
        assert {getattr(one, name) for one in dealt} >= set(wanted)
    rivals = [one.slot for one in dealt if one.want is Want.RIVAL]
    assert len(rivals) > len(set(rivals)) * 1.9
