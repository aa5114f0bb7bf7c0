"""What callers hear of a booking's life, over HTTP, on the telephone and by callbacks, is so and stays so.

Each step is made here, one after the other, and after each one every face is asked; Cal.com's books judge all of it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db import callbacks
from db.api_keys import keys
from db.lifecycle import FINAL, Status
from tasks import dependencies
from tasks.callbacks.sending import body_of
from tests.chaos import judge as record
from tests.chaos.books import Line, by_reference
from tests.chaos.calls.deal import START, WANTED, DealtCall, Form, deal
from tests.chaos.calls.judge import BOOKING, About, Reply, Story
from tests.chaos.calls.judge import untrue as untrue_in_a_call
from tests.chaos.calls.world import book_for_a_stranger
from tests.chaos.said.callers import now
from tests.chaos.said.judge import Facts, untrue
from tests.chaos.said.words import Claim, Word, of_booking, of_callback, of_change
from tests.support.api.agents import NOT_NOW, SECRETS, retell
from tests.support.api.served import Caller, Serving, a_request
from tests.support.callbacks.callers import LOOPBACK, sql
from tests.support.fleet import eventually, row
from tests.support.stepping import carry, carry_change, carry_until

FIRST, LATER = datetime(2030, 4, 2, 9, tzinfo=UTC), datetime(2030, 5, 7, 9, tzinfo=UTC)
BRIEFLY = "0.5"  # seconds of an agent's time: no worker is there while it waits


@dataclass
class Listener:
    """Who asks over HTTP, is called back, and keeps all that was said."""

    caller: Caller
    words: list[Word] = field(default_factory=list)

    def book(self, start: datetime) -> int:
        """Ask for a booking, and once more."""
        wanted = a_request(start=start.isoformat())
        for _ in range(2):
            asked, answer = now(), self.caller.book(wanted)
            self.words += of_booking(answer.json(), asked, now())
        return int(answer.json()["id"])

    def change(self, booking: int, **body: str) -> int:
        """Ask for a change, and return its id."""
        path = f"/v1/bookings/{booking}/{'reschedule' if body else 'cancel'}"
        asked, answer = now(), self.caller.call("POST", path, json=body)
        self.words.append(of_change(answer.json(), asked, now()))
        return int(answer.json()["id"])

    def listen(self, booking: int) -> None:
        """Ask how a booking and its newest change are, and take the callbacks that are due."""
        asked, document = now(), self.caller.get(f"/v1/bookings/{booking}").json()
        self.words += of_booking(document, asked, now())
        if document["change"] is not None:
            path = f"/v1/bookings/{booking}/changes/{document['change']['id']}"
            asked, told = now(), self.caller.get(path).json()
            self.words.append(of_change(told, asked, now()))
        self.words += _called_back()


def _called_back() -> Iterator[Word]:
    with dependencies.current().engine.begin() as conn:
        while claims := callbacks.claim(conn):
            for one, number in claims:
                callback = callbacks.claimed(conn, one, number, seconds=1)
                assert callback is not None
                yield from of_callback(json.loads(body_of(callback)), now())
                callbacks.delivered(conn, callback, number)


@pytest.fixture
def listener(settings: Callable[..., dict[str, str]], tmp_path: Path) -> Iterator[Listener]:
    """Run the API, and hand out who asks there."""
    given = settings(**LOOPBACK)
    engine = dependencies.current().engine
    with Serving({**given, **SECRETS}, engine, tmp_path) as serving:
        caller = serving.start().key()
        with engine.begin() as conn:
            assert keys.set_callback(conn, caller.name, "https://example.com/hooks")
        yield Listener(caller)


def end(change: int) -> None:
    """Carry a change on until it is over."""
    for _ in range(5):
        if carry_change(change, after=5.0).over:
            return
    pytest.fail("it does not end")


def facts_of(simulator: Any, database_url: str, booking: int, deeds: frozenset[str] = frozenset()) -> Facts:
    """Return what there is of a booking."""
    ours, made = record.record(database_url), by_reference([Line.read(line) for line in simulator.books()])
    [own] = [one for one in ours.rows if one.id == booking]
    changes = [one for one in ours.changes if one.booking == booking]
    return Facts(lines=made.get(own.reference, ()), changes=changes, deeds=deeds, learned=own.learned)


def test_what_is_said_over_http_and_by_callbacks_is_so(listener: Listener, simulator: Any, database_url: str) -> None:
    """A booking that is moved, then not moved, then cancelled; one that is refused; one that its host cancels."""
    moved, refused, cancelled_there = (listener.book(FIRST + timedelta(days=day)) for day in range(3))
    for taken in (FIRST, LATER):
        book_for_a_stranger(simulator.url, 101, taken + timedelta(days=1))
    for booking, status in ((moved, Status.CONFIRMED), (refused, Status.REJECTED), (cancelled_there, Status.CONFIRMED)):
        listener.listen(booking)
        assert carry_until(booking, lambda one: one.status in FINAL, every=5.0, attempts=5).status is status
        listener.listen(booking)
    for start in (LATER, LATER + timedelta(days=1)):
        change = listener.change(moved, start=start.isoformat())
        listener.listen(moved)
        end(change)
        listener.listen(moved)
    end(listener.change(moved))
    uid = str(row(cancelled_there).calcom_booking_uid)
    simulator.person("cancel", uid)
    for booking in (moved, cancelled_there):
        listener.listen(booking)

    claims = {word.claim for word in listener.words}
    assert claims >= {Claim.NOTED, Claim.BOOKED, Claim.MOVED, Claim.NOT_THERE, Claim.NOT_BOOKED, Claim.CANCELLED}
    told = [
        f"{word.words()}: {why}"
        for booking in (moved, refused, cancelled_there)
        for word, why in untrue(
            [word for word in listener.words if word.booking == booking],
            facts_of(simulator, database_url, booking, frozenset({uid})),
        )
    ]
    assert told == []


def test_what_is_said_on_the_telephone_is_so(listener: Listener, simulator: Any, database_url: str) -> None:
    """A call that books, moves and cancels, and asks before and after each."""
    dealt, caller = replace(deal(1, 1)[0], form=Form.RETELL, language="en"), listener.caller
    replies: list[Reply] = []

    def ask(tool: str) -> None:
        eventually(lambda: replies.append(_asked(caller, dealt, tool)) or replies[-1].said not in NOT_NOW)

    ask("book")
    booking = sql("SELECT max(id) FROM appointments")
    assert carry(booking).status is Status.CONFIRMED
    for tool in ("reschedule", "cancel"):
        ask("status")
        ask(tool)
        ask("status")
        end(sql("SELECT max(id) FROM booking_changes"))
        ask("status")

    facts = replace(facts_of(simulator, database_url, booking), others=())
    assert list(untrue_in_a_call(Story(dealt, replies, facts, ["cancelled"], ["done"] * 2))) == []


def _asked(caller: Caller, dealt: DealtCall, tool: str) -> Reply:
    given: dict[str, str] = {}
    if tool == "book":
        given = {"start": local(START), "email": dealt.email, "name": "Pat Example"}
    elif tool == "reschedule":
        given = {"new_start": local(WANTED)}
    asked = now()
    heard = retell(caller, tool, given, "call-1", within=BRIEFLY)
    kinds = sql("SELECT array_agg(kind) FROM booking_changes") or ()
    return Reply(
        tool=tool,
        start=START if tool == "book" else None,
        asked_at=asked,
        heard_at=now(),
        said=heard.say,
        about=About.of(heard.booking, heard.status, heard.start),
        stored=frozenset({BOOKING, *kinds}),
    )


def local(start: datetime) -> str:
    """Return a start as an agent writes it."""
    return start.replace(tzinfo=None).isoformat()
