"""What follows a POST without a clear answer, each guard taken away: shared readings, second POSTs, windows."""

from functools import partial

from tests.mutation.breakage import Breakage

_READINGS = "tests/promises/answers/test_shared_readings.py::"
_UNSEEN = "tests/promises/answers/test_posted_unseen.py::"
_WINDOWS = "tests/promises/bad_day/test_unclear_posts.py::"
_inquiry = partial(Breakage, promise=2, file="tasks/attempts/inquiry.py")
_lookup = partial(Breakage, promise=2, file="tasks/guarded_calls/event_type_lookup.py")
_case = partial(Breakage, promise=2, file="tasks/attempts/cases.py")
_rule = partial(Breakage, promise=2, file="tasks/attempts/evidence.py")
_TOLD = f"{_WINDOWS}test_lookups_tell_what_became_of_unclear_posts"
_attempt = partial(Breakage, promise=3, file="tasks/attempts/attempt.py", test=_TOLD)
_SEVERAL = f"{_WINDOWS}test_when_the_last_six_unclear_posts_were_done_several_go_in_a_window"


def _lua(name: str, file: str, old: str, new: str, test: str = _SEVERAL) -> Breakage:
    return Breakage(name=name, promise=3, file=f"resilience/lua/{file}.lua", old=old, new=new, test=test)


UNCLEAR = (
    # -- readings of an event type
    _inquiry(
        name="each-booking-reads-its-type-for-itself",
        old="kept = None if result.deleted else self._shared_type(times)",
        new="kept = None",
        test=f"{_READINGS}test_bookings_that_settle_in_the_same_seconds_share_a_reading",
    ),
    _lookup(
        name="reading-shared-that-began-before-the-last-post-had-ended",
        old="since = max(since, appointments.now(conn) - SHARED)",
        new="since = appointments.now(conn) - SHARED",
        test=f"{_READINGS}test_a_reading_that_proves_less_is_not_shared",
    ),
    _lookup(
        name="reading-shared-for-ever",
        old="since = max(since, appointments.now(conn) - SHARED)",
        new="pass",
        test=f"{_READINGS}test_a_reading_that_proves_less_is_not_shared",
    ),
    _inquiry(
        name="reading-older-than-the-list-ends-a-booking",
        old="since = None if times.ends_in <= 0 else row.settle_at",
        new="since = row.settle_at",
        test=f"{_READINGS}test_a_reading_that_proves_less_is_not_shared",
    ),
    _inquiry(
        name="reading-shared-for-a-second-post-of-every-kind",
        old="proves = kept is not None and kept.kind_of(row.sent_at) in BY_SLOTS",
        new="proves = kept is not None",
        test=f"{_READINGS}test_a_second_post_of_round_robin_wants_a_reading_of_its_own",
    ),
    _lookup(
        name="readings-at-once-not-shared",
        old="        if waited:\n",
        new="        if False:\n",
        test=f"{_READINGS}test_those_who_ask_while_another_one_reads_get_the_next_reading",
    ),
    _lookup(
        name="reading-counts-from-its-end",
        old="asked_at=began_at",
        new="asked_at=None",
        test=f"{_READINGS}test_those_who_ask_while_another_one_reads_get_the_next_reading",
    ),
    # -- a POST that stands for the lookup
    _inquiry(
        name="no-post-stands-for-a-lookup",
        old="return self._post_unseen(times) or self._decide(times)",
        new="return self._decide(times)",
        test=f"{_UNSEEN}test_the_second_post_books_where_no_lookup_is_answered",
    ),
    _rule(
        name="post-of-every-kind-stands-for-a-lookup",
        old="again = case.kind in BY_SLOTS and case.settled",
        new="again = case.settled",
        test=f"{_UNSEEN}test_no_other_second_post_goes_before_a_lookup",
    ),
    _case(
        name="post-after-any-answer-stands-for-a-lookup",
        old="unseen=row.error_type in _GATEWAY and",
        new="unseen=",
        test=f"{_UNSEEN}test_no_other_second_post_goes_before_a_lookup",
    ),
    _case(
        name="posted-before-a-lookup-though-a-person-may-have-cancelled",
        old=" and times.sent_ago <= YOUNG,",
        new=",",
        test=f"{_UNSEEN}test_what_a_person_may_have_cancelled_is_looked_up_first",
    ),
    _rule(
        name="posted-before-a-lookup-though-absence-may-end-it",
        old="late = case.ended or case.waited",
        new="late = case.waited",
        test=f"{_UNSEEN}test_what_is_not_to_be_posted_is_looked_up",
    ),
    _inquiry(
        name="type-not-asked-before-a-post-that-stands-for-a-lookup",
        old="kept = self._shared_type(times) or event_type_lookup.ask(deps, self.calls, row)",
        new="kept = known",
        test=f"{_UNSEEN}test_a_type_whose_confirmation_was_switched_on_is_looked_up",
    ),
    # -- several in a half-open window
    _attempt(
        name="nobody-counts-what-became-of-unclear-posts",
        old="if was_unclear and (done :=",
        new="if False and (done :=",
    ),
    Breakage(
        file="tasks/attempts/outcome.py",
        promise=3,
        test=_TOLD,
        name="unclear-post-that-was-repeated-counts-as-booked",
        old="return None if step.evidence else False  #",
        new="return True  #",
    ),
    _lua(
        "five-of-six-unclear-calls-are-enough",
        "lib/state_machine",
        "return done_unclear >= 6",
        "return done_unclear >= 5",
    ),
    _lua("unclear-call-that-was-not-done-is-forgotten", "turned_out", "6) or 0", "6) or done_unclear"),
    _lua(
        "what-is-let-go-beside-the-probe-is-denied",
        "acquire",
        "beside_probe = let_go_at(item) > 0",
        "beside_probe = false",
    ),
    _lua(
        "what-was-let-go-before-goes-beside-the-probe",
        "acquire",
        "  load_window() -- what was let go before",
        "  -- what was let go before",
        f"{_WINDOWS}test_what_was_let_go_before_the_window_has_no_place_in_it",
    ),
    _lua(
        "what-goes-beside-the-probe-is-one",
        "lib/state_machine",
        "if beside_probe then\n      return '', 0, false",
        "if beside_probe then\n      return '', 0, true",
    ),
)
