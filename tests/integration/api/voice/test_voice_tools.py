"""What a voice agent is told by its tools, on Retell (whole payload, arguments only) and on Vapi."""

from typing import Any

import pytest

from db.api_keys.keys import Scope
from tasks.conversations.conversation import MOST
from tests.support.api.agents import AGENTS, Ask, retell, some_arguments, vapi_calls
from tests.support.api.served import ALL, NOT_HELD, Api

NOTED = (
    "The calendar does not answer right now. I have noted Tuesday, 5 March at 10:00, in order, and we will confirm it."
)
NOT_FOUND = (
    "I cannot find that appointment. Please tell me once more its day and time, and the e-mail address or number."
)
SECOND = "I have your request for Tuesday, 5 March at 10:00 from this call. Would you like one more appointment?"


@pytest.fixture(scope="module", autouse=True)
def outage(api: Api) -> None:
    """Have somebody wait for Cal.com: each later caller is noted at once, and no answer depends on time."""
    api.hold_somebody()


@pytest.fixture(params=AGENTS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Give each agent in turn."""
    return AGENTS[request.param]


def rows(api: Api, email: str) -> int:
    """Return how many bookings a person has."""
    number: int = api.sql("SELECT count(*) FROM appointments WHERE attendee_email = :email", email=email)
    return number


def becomes(api: Api, email: str, columns: str) -> None:
    """Have a person's booking stand as a worker leaves it."""
    api.sql(f"UPDATE appointments SET {columns}, {NOT_HELD} WHERE attendee_email = :email", email=email)  # noqa: S608


def test_a_repeat_is_the_same_request(api: Api, ask: Ask) -> None:
    """However the agent writes the same time; there is one booking, and the second answer knows it."""
    caller, asked = api.key(), some_arguments()

    first = ask(caller, "book", asked, "call-1")
    again = ask(caller, "book", {**asked, "start": "2030-03-05T09:00:00Z"}, "call-1")

    assert (first.say, again.say) == (NOTED, NOTED)
    assert rows(api, asked["email"]) == 1
    becomes(api, asked["email"], "status = 'confirmed', calcom_booking_uid = 'u'")
    told = ask(caller, "book", asked, "call-1")
    assert told.say == "You are booked for Tuesday, 5 March at 10:00 already."


def test_a_second_booking_of_the_call_is_asked_about_first(api: Api, ask: Ask) -> None:
    """Other arguments book nothing, until the caller has said that one more is wanted."""
    caller, first = api.key(), some_arguments()
    other = {**first, "start": "2030-03-06T11:00:00", "email": f"other-{first['email']}"}
    ask(caller, "book", first, "call-2")

    asked = ask(caller, "book", other, "call-2")
    unasked = rows(api, other["email"])
    told = [ask(caller, "book", {**other, "another": True}, "call-2").say for _ in range(2)]

    assert (asked.say, unasked) == (SECOND, 0)
    assert told == [NOTED.replace("Tuesday, 5 March at 10:00", "Wednesday, 6 March at 11:00")] * 2
    assert rows(api, other["email"]) == 1


def test_a_time_that_was_taken_may_be_followed_by_another(api: Api, ask: Ask) -> None:
    """Nobody is asked whether the refused time is to stay."""
    caller, asked = api.key(), some_arguments()
    ask(caller, "book", asked, "call-3")
    becomes(api, asked["email"], "status = 'rejected', error_type = 'taken'")

    told = ask(caller, "book", asked, "call-3")
    next_one = ask(caller, "book", {**asked, "start": "2030-03-07T10:00:00"}, "call-3")

    assert told.say == "Tuesday, 5 March at 10:00 is taken. Which other time suits you?"
    assert next_one.say == NOTED.replace("Tuesday, 5", "Thursday, 7")


def test_the_same_person_is_not_told_in_a_later_call_that_its_own_time_is_taken(api: Api, ask: Ask) -> None:
    """The second call finds the booking of the first."""
    caller, asked = api.key(), some_arguments()
    ask(caller, "book", asked, "call-4")

    ask(caller, "book", asked, "call-5")

    assert rows(api, asked["email"]) == 1


def test_the_status_is_told_to_the_call_and_to_who_names_person_and_start(api: Api, ask: Ask) -> None:
    """Nobody else learns that there is a booking."""
    caller, asked = api.key(), some_arguments()
    ask(caller, "book", asked, "call-6")
    which = "For which day and time is the appointment, and under which e-mail address or number is it booked?"
    person = {"email": asked["email"]}

    told = {
        "own call": ask(caller, "status", {}, "call-6").say,
        "both": ask(caller, "status", {**person, "start": "2030-03-05T10:00:00"}, "call-7").say,
        "no start": ask(caller, "status", person, "call-7").say,
        "another start": ask(caller, "status", {**person, "start": "2030-03-05T11:00:00"}, "call-7").say,
        "nobody": ask(caller, "status", {"start": "2030-03-05T10:00:00"}, "call-7").say,
        "other key": ask(api.key(), "status", {**person, "start": "2030-03-05T10:00:00"}, "call-6").say,
    }

    assert told == {
        "own call": NOTED, "both": NOTED, "no start": which, "nobody": which,
        "another start": NOT_FOUND, "other key": NOT_FOUND,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"start": None}, "Which day and time"), ({"start": "next Tuesday"}, "Which day and time"),
        ({"start": "2020-03-05T10:00"}, "Which day and time"), ({"start": "2030-03-31T02:30"}, "The clocks change"),
        ({"start": "2030-10-27T02:30"}, "The clocks change"), ({"start": 5}, "Which day and time"),
        ({"start": "0001-01-01T00:00"}, "Which day and time"), ({"start": "9999-12-31T23:59"}, "Which day and time"),
        ({"name": ""}, "What is your name"), ({"name": "a\x00b"}, "What is your name"),
        ({"email": ""}, "Where can we reach you"), ({"email": "pat at example"}, "I did not get the e-mail"),
        ({"phone": "0123"}, "I did not get the number"), ({"time_zone": "Springfield"}, "Please tell me which city"),
        ({"email": "\ud800"}, "I did not get the e-mail"), ({"booking_fields_responses": 5}, "I did not get all"),
    ],
)  # fmt: skip
def test_what_a_model_sends_wrongly_is_asked_for(api: Api, ask: Ask, changes: dict[str, Any], begins: str) -> None:
    """200 with a sentence; nothing is stored, and nothing of what was sent is repeated."""
    caller, asked = api.key(), some_arguments()

    told = ask(caller, "book", {**asked, **changes}, "call-8")

    assert told.say.startswith(begins)
    assert rows(api, asked["email"]) == 0


def test_the_city_of_the_addresss_time_zone_names_it(api: Api, ask: Ask) -> None:
    """A model sends what a caller says, and that is no IANA name."""
    caller, asked = api.key(), some_arguments(time_zone="Berlin")

    assert ask(caller, "book", asked, "call-12").say == NOTED


def test_who_has_cancelled_in_this_call_is_asked_before_it_is_booked_again(api: Api, ask: Ask) -> None:
    """Once: a repeat of that gets the new booking."""
    caller, asked = api.key(), some_arguments()
    ask(caller, "book", asked, "call-13")
    becomes(api, asked["email"], "status = 'cancelled'")

    told = ask(caller, "book", asked, "call-13").say
    before = rows(api, asked["email"])
    again = [ask(caller, "book", {**asked, "another": True}, "call-13").say for _ in range(2)]

    once_more = (
        "Your request for Tuesday, 5 March at 10:00 from this call is cancelled. Would you like to book it again?"
    )
    assert (told, before, again, rows(api, asked["email"])) == (once_more, 1, [NOTED, NOTED], 2)


def test_a_repeat_of_one_more_booking_is_the_same_request(api: Api, ask: Ask) -> None:
    """Also when it was rejected meanwhile: an agent that asks twice does not book twice."""
    caller, asked = api.key(), some_arguments()

    ask(caller, "book", {**asked, "another": True}, "call-14")
    becomes(api, asked["email"], "status = 'rejected', error_type = 'taken'")
    told = {ask(caller, "book", {**asked, "another": True}, "call-14").say for _ in range(3)}

    assert (told, rows(api, asked["email"])) == (
        {"Tuesday, 5 March at 10:00 is taken. Which other time suits you?"},
        1,
    )


def test_who_has_cancelled_all_that_a_call_may_book_is_asked(api: Api) -> None:
    """The eleventh is not booked, and the agent has a sentence to say."""
    caller, asked = api.key(), some_arguments()

    for _ in range(MOST):
        retell(caller, "book", {**asked, "another": True}, "call-15")
        becomes(api, asked["email"], "status = 'cancelled'")
    told = retell(caller, "book", {**asked, "another": True}, "call-15").say

    assert told.endswith("from this call is cancelled. Would you like to book it again?")
    assert rows(api, asked["email"]) == MOST


def test_german_is_spoken_where_the_address_says_so(api: Api, ask: Ask) -> None:
    """Also to the attendee: Cal.com writes to it in this language."""
    caller, asked = api.key(), some_arguments()

    told = ask(caller, "book", asked, "call-9", lang="de")

    assert told.say.startswith("Der Kalender antwortet gerade nicht. Ich habe Ihren Wunsch vorgemerkt: Dienstag, 5. M")
    language = "SELECT attendee_language FROM appointments WHERE attendee_email = :email"
    assert api.sql(language, email=asked["email"]) == "de"


def test_a_tool_that_is_none_or_not_the_keys_is_not_done(api: Api) -> None:
    """An unknown name, or a scope that the key lacks."""
    assert retell(api.key(), "explode", {}, "call-10").say == "I cannot do that here."
    assert retell(api.key({Scope.VOICE}), "book", some_arguments(), "c").say == "I cannot do that here."


def test_vapi_asks_for_several_things_at_once(api: Api) -> None:
    """One result a call, in their order: a second booking is asked about, in the same message as well."""
    caller, first = api.key(), some_arguments()
    other = {**first, "start": "2030-03-08T10:00:00"}
    written_as_text = '{"start": "2030-03-05T10:00:00", "start": "2030-03-06T10:00:00"}'
    calls: list[dict[str, Any]] = [
        {"id": "a", "name": "book", "arguments": first},
        {"id": "b", "name": "book", "parameters": other},
        {"id": "c", "function": {"name": "status", "arguments": "{}"}},
        {"id": "d", "function": {"name": "book", "arguments": written_as_text}},
        {"name": "book", "arguments": first},
        *({"id": str(number), "name": "status"} for number in range(6)),
    ]

    answer = vapi_calls(caller, calls, "call-11")

    told = [(one["toolCallId"], one["result"]) for one in answer.json()["results"]]
    begins = {"a": NOTED, "b": SECOND, "c": NOTED, "d": "Which day and time would you like"} | dict.fromkeys(
        map(str, range(4)), NOTED
    )
    assert [name for name, _ in told] == [*"abcd", *map(str, range(6))]
    assert all(say.startswith(begins.get(name, "One thing")) and say.isprintable() for name, say in told)
    assert [say for _, say in told[-2:]] == ["One thing at a time, please. What shall I do first?"] * 2
    assert rows(api, first["email"]) == 1


def test_other_messages_of_vapi_are_taken_note_of(api: Api) -> None:
    """200 and nothing. Arguments alone are no message, and no model is to take nothing for success."""
    caller, path = api.key(), "/v1/voice/vapi?type=101"

    other = caller.call("POST", path, json={"message": {"type": "end"}})
    alone = caller.call("POST", path, json=some_arguments())

    assert (other.status_code, other.json()) == (200, {})
    assert (alone.status_code, alone.json()["say"]) == (422, "I cannot do that here.")
    assert [one["field"] for one in alone.json()["errors"]] == ["message"]


def test_a_number_may_be_the_id_of_a_tool_call(api: Api) -> None:
    """Its result has the same one."""
    answer = vapi_calls(api.key(), [{"id": 7, "name": "book", "arguments": some_arguments()}], "call-70")

    assert answer.json()["results"] == [{"toolCallId": 7, "result": NOTED}]


def test_a_call_that_nothing_names_has_the_derived_key(api: Api) -> None:
    """Args only without the call's id in the address: one person, one time, one booking."""
    caller, asked = api.key(ALL), some_arguments()
    ask = AGENTS["retell-args-only"]

    said = [ask(caller, "book", asked, "").say for _ in range(2)]

    assert said == [NOTED] * 2
    derived = "SELECT bool_and(key_derived) FROM appointments WHERE attendee_email = :email"
    assert (rows(api, asked["email"]), api.sql(derived, email=asked["email"])) == (1, True)
