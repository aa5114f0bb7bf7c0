"""What operators are told of single bookings, one by one, and of callbacks that are let be: taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_EACH = "tests/integration/incidents/test_each_is_told.py::"
_TOGETHER = f"{_EACH}test_the_second_and_the_third_are_told_together_by_their_numbers"
_FRONT = "tests/integration/incidents/test_front_door_incidents.py::"
_rules = partial(Breakage, promise=6, file="tasks/incidents/rules.py")
_update = partial(Breakage, promise=6, file="tasks/incidents/update.py")
_callbacks = partial(Breakage, promise=6, file="db/callbacks.py")

EACH_TOLD = (
    _rules(
        name="the-second-customer-is-told-with-the-tenth",
        old="    if further(incident, seen) and ",
        new="    if not incident and ",
        test=_TOGETHER,
    ),
    _rules(
        name="each-further-one-at-once",
        old="EACH_INTERVAL = 600.0",
        new="EACH_INTERVAL = 0.0",
        test=_TOGETHER,
    ),
    _update(
        name="a-further-one-is-told-for-ever",
        old="    told = [*(one for one in before if one not in observation.each), *observation.each]\n",
        new="    told = list(before)\n",
        test=_TOGETHER,
    ),
    _update(
        name="held-again-and-told-again",
        old="    told = [*(one for one in before if one not in observation.each), *observation.each]\n",
        new="    told = [*observation.each]\n",
        test=f"{_EACH}test_one_that_takes_the_place_of_another_is_told",
    ),
    _update(
        name="the-oldest-that-waits-is-told-again",
        old="    told = [*(one for one in before if one not in observation.each), *observation.each]\n",
        new="    told = [*before, *(one for one in observation.each if one not in before)]\n",
        test=f"{_EACH}test_one_that_still_waits_is_not_told_again_after_many_others",
    ),
    Breakage(
        name="further-ones-without-numbers",
        promise=6,
        file="tasks/incidents/messages.py",
        old='    if new := detail.get("further"):\n',
        new='    if new := detail.get("nothing"):\n',
        test=_TOGETHER,
    ),
    Breakage(
        name="a-further-given-up-callback-is-silent",
        promise=6,
        file="tasks/incidents/front_door.py",
        old="count=found.count, facts=facts, each=found.callbacks)",
        new="count=found.count, facts=facts)",
        test=f"{_FRONT}test_a_further_customer_whose_callback_is_given_up_is_told",
    ),
    Breakage(
        name="let-be-and-still-an-incident",
        promise=6,
        file="db/monitoring/front_door.py",
        old="""    _callbacks.c.trouble.is_distinct_from(literal_column("'dropped'")),""",
        new="    true(),",
        test=f"{_FRONT}test_callbacks_that_are_let_be_end_the_incident",
    ),
    _callbacks(
        name="let-be-and-sent-again-with-all",
        old="if ids else _is_open\n",
        new="if ids else _is_told\n",
        test=f"{_FRONT}test_callbacks_that_are_let_be_end_the_incident",
    ),
    _callbacks(
        name="let-be-of-every-booking",
        old="_columns.given_up_at.is_not(None), _columns.appointment_id.in_(ids) if ids else true())",
        new="_columns.given_up_at.is_not(None))",
        test=f"{_FRONT}test_callbacks_that_are_let_be_end_the_incident",
    ),
)
