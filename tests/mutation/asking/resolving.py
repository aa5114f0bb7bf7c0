"""An operator's word about a held change: what would go wrong if it were taken as it is given."""

from functools import partial

from tests.mutation.breakage import Breakage

_HELD = "tests/integration/cli/changes/test_cli_resolve_changes.py::"
_WORD = f"{_HELD}test_an_operators_word_ends_a_held_change"
_resolved = partial(Breakage, promise=2, file="tasks/changes/resolve.py")

RESOLVING_CHANGES = (
    _resolved(
        name="a-word-that-cal-com-denies",
        old="    if not ours.is_at(change.wanted):",
        new="    if not ours.is_at(ours.start):",
        test=f"{_WORD}[a move that is denied]",
    ),
    _resolved(
        name="cancelled-by-word-and-it-lives",
        old="        if lives is not done:",
        new="        if lives is not done or done:",
        test=f"{_WORD}[a cancel, and it lives]",
    ),
    _resolved(
        name="a-word-while-a-call-is-at-work",
        old="    if not done and (seconds",
        new="    if False and (seconds",
        test=f"{_HELD}test_no_word_is_taken_while_a_call_may_still_change_the_booking",
    ),
    _resolved(
        name="a-lost-seat-by-word-stands",
        old="            return _Judged(ChangeStep.BOOK_AGAIN)",
        new="            return _Judged(ChangeStep.REFUSE)",
        test=f"{_WORD}[a seat that is nowhere]",
    ),
    Breakage(
        name="nothing-goes-after-a-word",
        promise=2,
        file="tasks/changes/claim.py",
        old="        following = sweeps.let_next_go(conn, left=[change])",
        new="        following = []",
        test=f"{_HELD}test_the_next_change_goes_when_an_operators_word_has_ended_the_first",
    ),
)
