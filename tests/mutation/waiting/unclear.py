"""What becomes of POSTs without a clear answer, each guard taken away: how many go in a half-open window."""

from functools import partial

from tests.mutation.breakage import Breakage

_WINDOWS = "tests/promises/bad_day/test_unclear_posts.py::"
_TOLD = f"{_WINDOWS}test_lookups_tell_what_became_of_unclear_posts"
_attempt = partial(Breakage, promise=3, file="tasks/attempt.py", test=_TOLD)
_SEVERAL = f"{_WINDOWS}test_when_the_last_six_unclear_posts_were_done_several_go_in_a_window"


def _lua(name: str, file: str, old: str, new: str, test: str = _SEVERAL) -> Breakage:
    return Breakage(name=name, promise=3, file=f"resilience/lua/{file}.lua", old=old, new=new, test=test)


UNCLEAR = (
    # -- several in a half-open window
    _attempt(
        name="nobody-counts-what-became-of-unclear-posts",
        old="if was_unclear and (done :=",
        new="if False and (done :=",
    ),
    _attempt(
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
