"""A caller cancels and moves: noted until Cal.com has done it, once a call, and nobody else's booking.

What is refused: tests/integration/changes/test_refused_changes.py.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db.api_keys import keys
from db.api_keys.keys import Scope
from db.appointments.views import BookingView
from tasks.callers.connection import caller_connection
from tasks.conversations import changing
from tasks.conversations.conversation import Conversation
from tests.support.api.agents import AGENTS, Ask, briefly, retell, retell_args_only, some_arguments
from tests.support.api.served import ALL, NOT_HELD, Api, Caller
from tests.support.fleet import eventually

BOOKED = f"status = 'confirmed', calcom_booking_uid = 'u' || id, {NOT_HELD}"
BEING_MADE = f"status = 'pending', {NOT_HELD}, outcome_unknown = true, sent_at = now(), settle_at = now()"
NEW = {"new_start": "2030-03-06T10:00:00"}
SPOKEN, OLD = "Wednesday, 6 March at 10:00", "Tuesday, 5 March at 10:00"
NOT_FOUND = (
    "I cannot find that appointment. Please tell me once more its day and time, and the e-mail address or number."
)
WHICH = "For which day and time is the appointment, and under which e-mail address or number is it booked?"
OPEN_CANCELS = (
    "SELECT count(*) FROM appointments a LEFT JOIN booking_changes c ON c.appointment_id = a.id "
    "WHERE attendee_email = :email AND (cancel_requested OR c.status <> 'withdrawn')"
)
OPEN = (
    "SELECT count(*) FROM booking_changes c JOIN appointments a ON a.id = c.appointment_id "
    "WHERE attendee_email = :email AND c.status = 'pending'"
)
OUTAGE = "The calendar does not answer right now."


@pytest.fixture(params=AGENTS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Give each agent in turn."""
    return AGENTS[request.param]


def becomes(api: Api, email: str, columns: str) -> None:
    """Have a person's booking stand as a worker leaves it."""
    api.sql(f"UPDATE appointments SET {columns} WHERE attendee_email = :email", email=email)  # noqa: S608 - ours


def changes_become(api: Api, email: str, columns: str) -> None:
    """Have the changes of a person's booking stand as a worker leaves them."""
    own = "appointment_id IN (SELECT id FROM appointments WHERE attendee_email = :email)"
    api.sql(f"UPDATE booking_changes SET {columns} WHERE {own}", email=email)  # noqa: S608 - ours


def changes(api: Api, email: str) -> int:
    """Return how many changes a person's booking has."""
    joined = "booking_changes c JOIN appointments a ON a.id = c.appointment_id"
    counted: int = api.sql(f"SELECT count(*) FROM {joined} WHERE attendee_email = :email", email=email)  # noqa: S608
    return counted


def booked(api: Api, caller: Any, ask: Ask, call: str) -> str:
    """Have a call book, and Cal.com have it; return the person's address."""
    asked = some_arguments()
    briefly(ask, caller, "book", asked, call)
    becomes(api, asked["email"], BOOKED)
    email: str = asked["email"]
    return email


def test_a_booking_that_is_not_made_yet_is_cancelled(api: Api, ask: Ask) -> None:
    """By its call; what a call may be making is noted, and a stranger learns nothing."""
    caller, asked = api.key(), some_arguments()
    briefly(ask, caller, "book", asked, "call-12")
    email = asked["email"]

    stranger = ask(caller, "cancel", {"email": email}, "call-13").say
    becomes(api, email, BEING_MADE)
    noted = briefly(ask, caller, "cancel", {}, "call-12").say
    changes_become(api, email, "status = 'withdrawn'")
    becomes(api, email, "outcome_unknown = false, sent_at = NULL, settle_at = NULL")
    cancelled = [ask(caller, "cancel", {}, "call-12").say for _ in range(2)]

    assert stranger == WHICH
    assert noted == "I have noted that you cancel; we will confirm it."
    assert cancelled == ["It is cancelled.", "It is cancelled already."]


def test_what_cal_com_has_is_cancelled_once_a_call(api: Api, ask: Ask) -> None:
    """Noted, in an outage too, and cancelled only when it is."""
    caller = api.key()
    email = booked(api, caller, ask, "call-20")

    def cancel() -> str:
        return briefly(ask, caller, "cancel", {}, "call-20").say

    noted = [cancel() for _ in range(2)]
    changes_become(api, email, "status = 'held', hold_reason = 'breaker_open', held_at = now()")
    held = cancel()
    changes_become(api, email, "status = 'done', hold_reason = NULL, held_at = NULL")
    becomes(api, email, "status = 'cancelled'")
    done = cancel()

    assert noted == ["I have noted that you cancel; we will confirm it."] * 2
    assert held == f"{OUTAGE} I have noted that you cancel, and we will confirm it. It stands until then."
    assert done == "It is cancelled already."
    assert changes(api, email) == 1


def test_what_cal_com_has_is_moved_once_a_call(api: Api, ask: Ask) -> None:
    """Noted, in an outage too; what was refused stands, and what was moved is not moved twice."""
    caller = api.key()
    email = booked(api, caller, ask, "call-21")

    def move() -> str:
        return briefly(ask, caller, "reschedule", NEW, "call-21").say

    noted = [move() for _ in range(2)]
    changes_become(api, email, "status = 'held', hold_reason = 'breaker_open', held_at = now()")
    held = move()
    changes_become(api, email, "status = 'refused', hold_reason = NULL, held_at = NULL")
    refused = move()
    changes_become(api, email, "error_type = 'taken'")
    taken = move()
    changes_become(api, email, "status = 'done', error_type = NULL")
    becomes(api, email, "booked_start_at = '2030-03-06T09:00:00Z'")
    done = move()

    assert noted == [f"I have noted the new time, {SPOKEN}; we will confirm it."] * 2
    assert held == f"{OUTAGE} I have noted {SPOKEN}, in order, and we will confirm it. Your old time stands until then."
    assert refused == f"I could not move it; {OLD} stands."
    assert taken == f"{SPOKEN} is taken; your old time, {OLD}, stands. Which other one suits you?"
    assert done == f"It is at {SPOKEN} already."
    assert changes(api, email) == 1


def test_what_is_done_in_the_agents_time_is_told_as_done(api: Api, ask: Ask) -> None:
    """A move and a cancel; a repeat hears that it was done before."""
    caller = api.key()
    email = booked(api, caller, ask, "call-43")

    def told(tool: str, arguments: dict[str, str], done: str) -> str:
        with ThreadPoolExecutor(1) as agent:
            heard = agent.submit(ask, caller, tool, arguments, "call-43")
            eventually(lambda: api.sql(OPEN, email=email))
            becomes(api, email, done)
            changes_become(api, email, "status = 'done'")
            said: str = heard.result().say
            return said

    moved = told("reschedule", NEW, "booked_start_at = '2030-03-06T09:00:00Z'")
    cancelled = [told("cancel", {}, "status = 'cancelled'"), ask(caller, "cancel", {}, "call-43").say]

    assert moved == f"It is moved to {SPOKEN}."
    assert cancelled == ["It is cancelled.", "It is cancelled already."]


def test_a_move_back_and_forth_is_a_new_wish_each_time(api: Api) -> None:
    """The key of the first is not taken for the third, which would be told of and not done."""
    caller = api.key()
    email = booked(api, caller, retell, "call-22")
    briefly(retell, caller, "reschedule", NEW, "call-22")
    changes_become(api, email, "status = 'done'")

    told = briefly(retell, caller, "reschedule", NEW, "call-22")

    assert told.say == f"I have noted the new time, {SPOKEN}; we will confirm it."
    assert (told.booking is not None, told.status) == (True, "confirmed")
    assert changes(api, email) == 2


def test_who_names_person_and_start_moves_in_a_later_call(api: Api, ask: Ask) -> None:
    """Nobody else, and no other key, in the same call either; without a new start it is asked for."""
    caller = api.key()
    email = booked(api, caller, ask, "call-23")
    named = {"email": email, "start": "2030-03-05T10:00:00"}

    told = {
        "no start": ask(caller, "reschedule", {"email": email, **NEW}, "call-24").say,
        "other key": ask(api.key(), "reschedule", {**named, **NEW}, "call-23").say,
        "no new start": ask(caller, "reschedule", named, "call-24").say,
    }
    before = changes(api, email)
    moved = briefly(ask, caller, "reschedule", {**named, **NEW}, "call-24", lang="de").say

    assert told == {
        "no start": WHICH,
        "other key": NOT_FOUND,
        "no new start": "To which day and time shall I move it?",
    }
    assert moved == "Ich habe die neue Zeit vorgemerkt: Mittwoch, 6. März um 10:00 Uhr. Wir bestätigen sie Ihnen."
    assert (before, changes(api, email)) == (0, 1)


@pytest.mark.parametrize("ended", ["withdrawn", "expired", "failed"])
def test_what_came_to_nothing_is_wished_again(api: Api, ended: str) -> None:
    """A cancel and a move alike: the key of the first is not taken for the second, which would be told and not done."""
    caller = api.key()
    for number, (tool, more) in enumerate((("cancel", {}), ("reschedule", NEW))):
        call = f"call-26-{ended}-{number}"
        email = booked(api, caller, retell, call)
        told = [briefly(retell, caller, tool, more, call).say]
        changes_become(api, email, f"status = '{ended}'")
        told += [briefly(retell, caller, tool, more, call).say for _ in range(2)]

        assert (len({*told}), "I have noted" in told[0], changes(api, email)) == (1, True, 2)


@pytest.mark.parametrize("other", [False, True], ids=["the same call", "a later call"])
def test_who_books_again_is_asked_whether_the_cancel_is_to_be_taken_back(api: Api, ask: Ask, other: bool) -> None:  # noqa: FBT001 - a case
    """What is at Cal.com, and what a call may be making: an agent that repeats its `book` takes nothing back."""
    caller = api.key()
    for number, columns in enumerate((BOOKED, BEING_MADE)):
        call, asked = f"call-27-{other}-{number}", some_arguments()
        again = f"{call}-later" if other else call
        briefly(ask, caller, "book", asked, call)
        becomes(api, asked["email"], columns)
        told = [briefly(ask, caller, tool, {}, call).say for tool in ("cancel", "status")]
        question = briefly(ask, caller, "book", asked, again).say
        stays = api.sql(OPEN_CANCELS, email=asked["email"])
        briefly(ask, caller, "book", {**asked, "another": True}, again)

        assert told == ["I have noted that you cancel; we will confirm it."] * 2
        assert question == f"I have noted that you cancel {OLD}. Would you like to keep it?"
        assert stays == 1
        eventually(lambda email=asked["email"]: api.sql(OPEN_CANCELS, email=email) == 0)
        assert "cancel" not in briefly(ask, caller, "status", {}, call).say


def test_a_repeat_of_the_first_request_takes_back_no_move(api: Api, ask: Ask) -> None:
    """The agent repeats its `book` call: the new time stays noted, and the status says so."""
    caller, asked = api.key(), some_arguments()
    briefly(ask, caller, "book", asked, "call-47")
    becomes(api, asked["email"], BEING_MADE)
    briefly(ask, caller, "reschedule", NEW, "call-47")

    told = [briefly(ask, caller, "book", asked, call).say for call in ("call-47", "call-48")]
    told.append(briefly(ask, caller, "status", {}, "call-47").say)

    assert told == [f"I have noted the new time, {SPOKEN}; we will confirm it."] * 3


def test_a_booking_that_was_moved_before_it_was_booked_answers_for_both_starts(api: Api, ask: Ask) -> None:
    """In any call: it is told where it is, and nobody is booked twice."""
    caller, asked = api.key(), some_arguments()
    briefly(ask, caller, "book", asked, "call-49")
    briefly(ask, caller, "reschedule", NEW, "call-49")

    again = [{**asked, "start": start} for start in (asked["start"], NEW["new_start"])]
    told = {briefly(ask, caller, "book", one, call).say for one in again for call in ("call-49", "call-50")}

    rows = "SELECT count(*) FROM appointments WHERE attendee_email = :email"
    assert (told, api.sql(rows, email=asked["email"])) == (
        {f"One moment more: I have your request for {SPOKEN}, and we will confirm it."},
        1,
    )


def test_who_asks_again_without_a_call_takes_the_cancel_back(api: Api) -> None:
    """Nothing names the call: the request has its derived key, as over HTTP."""
    caller, asked = api.key(), some_arguments()
    briefly(retell_args_only, caller, "book", asked, "")
    becomes(api, asked["email"], BOOKED)
    named = {"email": asked["email"], "start": asked["start"]}
    briefly(retell_args_only, caller, "cancel", named, "")

    briefly(retell_args_only, caller, "book", asked, "")

    assert api.sql(OPEN_CANCELS, email=asked["email"]) == 0


def test_a_cancel_that_was_sent_is_not_taken_back(api: Api, ask: Ask) -> None:
    """Nobody says that the booking stands."""
    caller, asked = api.key(), some_arguments()
    briefly(ask, caller, "book", asked, "call-28")
    becomes(api, asked["email"], BOOKED)
    briefly(ask, caller, "cancel", {}, "call-28")
    changes_become(api, asked["email"], "posts = 1")

    told = [briefly(ask, caller, "book", asked, call).say for call in ("call-28", "call-29")]

    assert told == ["I have noted that you cancel; we will confirm it."] * 2


def test_another_start_is_another_booking(api: Api, ask: Ask) -> None:
    """The call's own one is neither cancelled nor moved for it; that of the person at this start is."""
    caller = api.key()
    other = some_arguments(start="2030-03-08T10:00:00")
    briefly(ask, caller, "book", other, "call-30")
    becomes(api, other["email"], BOOKED)
    email = booked(api, caller, ask, "call-31")

    unknown = ask(caller, "cancel", {"start": "2030-03-09T10:00:00"}, "call-31").say
    named = briefly(ask, caller, "cancel", {"email": other["email"], "start": other["start"]}, "call-31").say

    assert (unknown, named) == (WHICH, "I have noted that you cancel; we will confirm it.")
    assert (changes(api, email), changes(api, other["email"])) == (0, 1)


def test_another_event_type_or_key_is_another_booking(api: Api) -> None:
    """Else the second would be told and not booked."""
    caller, asked = api.key(), some_arguments()

    def booking(key: Caller, kind: str) -> int | None:
        return briefly(retell, key, "book", asked, f"call-32-{kind}", type=kind).booking

    told = [booking(*of) for of in ((caller, "101"), (caller, "102"), (api.key(), "101"))]

    assert len({*told}) == 3


def test_a_key_without_the_scope_changes_nothing(api: Api) -> None:
    """The tools are not there for it."""
    caller = api.key(ALL - {Scope.CHANGE})

    told = [retell(caller, tool, NEW, "call-25").say for tool in ("cancel", "reschedule")]

    assert told == ["I cannot do that here."] * 2


def test_who_names_the_new_start_means_the_moved_booking(api: Api) -> None:
    """In a later call, and in the list of a period; the start that was given up means no booking any more."""
    caller = api.key()
    email = booked(api, caller, retell, "call-40")
    becomes(api, email, "booked_start_at = '2030-03-06T09:00:00Z'")

    new, old = (
        retell(caller, "status", {"email": email, "start": f"2030-03-0{day}T10:00:00"}, "call-41").say for day in (6, 5)
    )
    periods = [{"from": f"2030-03-0{day}T00:00:00Z", "to": f"2030-03-0{day}T23:00:00Z"} for day in (6, 5)]
    listed = [caller.call("POST", "/v1/bookings/find", json={"email": email, **one}).json() for one in periods]

    assert (new, old) == (f"You are booked for {SPOKEN}.", NOT_FOUND)
    assert [len(one["bookings"]) for one in listed] == [1, 0]


def test_a_move_that_is_done_is_known_when_it_is_repeated(api: Api, ask: Ask) -> None:
    """The agent names the old start again, in the same call or in a later one; where nothing was moved it is asked."""
    caller = api.key()
    email = booked(api, caller, ask, "call-44")
    named = {"email": email, "start": "2030-03-05T10:00:00", **NEW}
    briefly(ask, caller, "reschedule", named, "call-44")
    changes_become(api, email, "status = 'done'")
    becomes(api, email, "booked_start_at = '2030-03-06T09:00:00Z'")

    again = [ask(caller, "reschedule", named, call).say for call in ("call-44", "call-45")]
    elsewhere = ask(caller, "reschedule", {**named, "new_start": "2030-03-07T10:00:00"}, "call-45").say

    assert again == [f"It is at {SPOKEN} already."] * 2
    assert (elsewhere, changes(api, email)) == (NOT_FOUND, 1)


def test_a_move_of_one_of_two_bookings_is_not_taken_for_an_earlier_one(api: Api) -> None:
    """Nobody has said which of them is meant: it is asked, though one of them was moved to that very time."""
    caller = api.key()
    email = booked(api, caller, retell, "call-46")
    briefly(retell, caller, "reschedule", NEW, "call-46")
    changes_become(api, email, "status = 'done'")
    becomes(api, email, "booked_start_at = '2030-03-06T09:00:00Z'")
    other = some_arguments(start="2030-03-08T10:00:00", another=True)
    briefly(retell, caller, "book", other, "call-46")
    becomes(api, other["email"], BOOKED)

    assert retell(caller, "reschedule", NEW, "call-46").say == WHICH


def test_a_cancel_that_is_repeated_without_a_call_id_is_known(api: Api) -> None:
    """Who named the person and the start is not asked for them again."""
    caller, asked = api.key(), some_arguments()
    named = {"email": asked["email"], "start": asked["start"]}
    briefly(retell_args_only, caller, "book", asked, "")

    cancelled = [retell_args_only(caller, "cancel", named, "").say for _ in range(2)]

    assert cancelled == ["It is cancelled.", "It is cancelled already."]


def test_a_move_that_ends_while_the_status_is_asked_is_told(
    api: Api, settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The booking was read before its move ended, and the change afterwards: the old time is not told."""
    settings(DATABASE_URL=api.engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
    caller = api.key()
    email = booked(api, caller, retell, "call-42")
    briefly(retell, caller, "reschedule", NEW, "call-42")
    with caller_connection() as conn:
        key = keys.named(conn, caller.name)
    assert key is not None
    conversation, read = Conversation(agent="retell", call="call-42", key=key, event_type=101), changing.meant

    def read_before(*given: Any, **more: Any) -> BookingView | None:
        view = read(*given, **more)
        changes_become(api, email, "status = 'done'")
        becomes(api, email, "booked_start_at = '2030-03-06T09:00:00Z'")
        return view

    monkeypatch.setattr(changing, "meant", read_before)
    told = changing.status(conversation, email=None, phone=None, start=None)

    assert told is not None
    assert (told.view.start.day, told.change) == (6, None)
