"""What an event type wants is asked for before a request is stored; where it is not known, Cal.com decides."""

from functools import partial
from typing import Any

import pytest
import requests

from tests.support.api import agents
from tests.support.api.agents import some_arguments
from tests.support.api.served import Api, Caller, Serving
from tests.support.fleet import eventually
from worker.api.voice.sentences import ASKED, Asked

EN = ASKED["en"]
plain, retell = (partial(one, within="1") for one in (agents.plain, agents.retell))  # no worker settles what is stored
PHONE = {"phone_number": "+12025550101"}


@pytest.fixture
def asking(serving: Serving, simulator: Any) -> Api:
    """Serve an API whose Cal.com is the simulator; no worker runs."""
    calcom = {"CALCOM_BASE_URL": simulator.url, "CALCOM_API_KEY": "cal_test_owner", "CALCOM_RATE_LIMIT_PER_MINUTE": "0"}
    return serving.start(**calcom)


def knowing(api: Api, kind: str = "101") -> Caller:
    """Return a caller of a type that is read by now: without any contact the sentence asks for what it wants."""
    caller = api.key()

    def is_known() -> bool:
        return plain(caller, "book", nobody(), "call-0", type=kind, within="4").say != EN[Asked.CONTACT]

    eventually(is_known, what="the event type is read")
    return caller


def nobody(**more: Any) -> dict[str, Any]:
    """Return arguments that name no way to reach the person."""
    return {**some_arguments(), "email": None, **more}


def stored(api: Api, column: str) -> Any:
    """Return a column of the one booking that is stored; None: there is none."""
    return api.sql(f"SELECT CAST({column} AS text) FROM appointments")  # noqa: S608 - ours


def test_an_address_that_the_type_wants_is_asked_for(asking: Api) -> None:
    """Nothing is stored before, and the same call with an address is: without one it was refused for good."""
    caller = knowing(asking)

    asked = plain(caller, "book", nobody(**PHONE), "call-1")
    before = stored(asking, "id")
    told = plain(caller, "book", some_arguments(**PHONE), "call-1")

    assert (asked.say, asked.status, before) == (EN[Asked.WANTS_EMAIL], "asked", None)
    assert told.booking is not None


def test_a_number_that_the_type_wants_is_asked_for(asking: Api) -> None:
    """An address alone does not do; nor is one asked for where a number does."""
    caller = knowing(asking, "107")

    asked = plain(caller, "book", some_arguments(), "call-1", type="107")
    nothing = plain(caller, "book", nobody(), "call-1", type="107")
    told = plain(caller, "book", nobody(**PHONE), "call-1", type="107")

    assert (asked.say, nothing.say) == (EN[Asked.WANTS_PHONE], EN[Asked.WANTS_PHONE])
    assert (told.booking is not None, stored(asking, "attendee_phone")) == (True, "+12025550101")


@pytest.mark.parametrize(
    "answer",
    [
        {"answers": {"company": "Example Ltd"}},
        {"answers": {"What is your company?": "Example Ltd"}},
        {"booking_fields_responses": {"Company": "Example Ltd"}},
    ],
    ids=["by its name", "by the question", "by the older name"],
)
def test_a_question_of_the_types_own_is_asked(asking: Api, answer: dict[str, Any]) -> None:
    """And its answer is kept as Cal.com takes it, whatever the model calls it; beside notes."""
    caller, asked = knowing(asking, "115"), some_arguments(notes="has a dog")

    question = plain(caller, "book", asked, "call-1", type="115")
    before = stored(asking, "id")
    told = plain(caller, "book", {**asked, **answer}, "call-1", type="115")

    assert question.say == "I need one more answer for this appointment: company"
    assert (question.status, before) == ("asked", None)
    assert told.booking is not None
    assert stored(asking, "booking_fields_responses") == '{"notes": "has a dog", "company": "Example Ltd"}'


def test_the_number_of_who_calls_is_used(asking: Api) -> None:
    """Where the type wants one, and the person names no other one."""
    caller = knowing(asking, "107")

    told = retell(caller, "book", nobody(), "call-1", type="107")

    assert (told.booking is not None, stored(asking, "attendee_phone")) == (True, "+12025550100")


def test_the_number_of_who_calls_does_not_stand_for_an_address(asking: Api) -> None:
    """The type wants an address: it is asked for, and nothing is stored."""
    told = retell(knowing(asking), "book", nobody(), "call-1")

    assert (told.say, stored(asking, "id")) == (EN[Asked.WANTS_EMAIL], None)


def test_a_type_is_read_once(asking: Api, simulator: Any) -> None:
    """Not for each booking; what the arguments alone show is asked for without a call."""
    caller = knowing(asking)
    plain(caller, "book", {}, "call-0")

    for number in range(3):
        plain(caller, "book", some_arguments(), f"call-{number}")

    journal = requests.get(f"{simulator.control}/_journal", timeout=30).json()
    assert str(journal).count("/v2/event-types/101") == 1


def test_without_an_answer_of_cal_coms_nothing_is_asked_for(api: Api) -> None:
    """The request is stored, as it is during an outage."""
    caller: Caller = api.key()

    told = plain(caller, "book", nobody(**PHONE), "call-1")

    assert told.booking is not None
