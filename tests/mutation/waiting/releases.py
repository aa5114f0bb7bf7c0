"""The guards of what is let go: without one of them a row is let go and held again for ever, or never let go."""

from functools import partial

from tests.mutation.breakage import Breakage

_GUARD = "tests/unit/tasks/test_guard.py::"
_ALONE = "tests/promises/changes/test_moves_alone.py::"
_SUSPECTS = "tests/integration/changes/test_suspect_changes.py::"
_SICK = "tests/promises/changes/test_sick_endpoints.py::"
_APART = "tests/integration/accounts/test_apart.py::"
_VAIN = "tests/promises/bad_day/test_let_go_in_vain.py::"
_resting = partial(Breakage, promise=4, file="tasks/maintenance/resting.py")
_turns = partial(Breakage, promise=4, file="tasks/maintenance/turns.py")
_calls = partial(Breakage, promise=4, file="tasks/guarded_calls/calls.py")

RELEASES = (
    _calls(
        name="where-only-moves-wait-nothing-probes",
        old="        if probe and self._probe_ok and isinstance(permit, Denied) and permit.waits_for_probe:\n",
        new="        if probe and not probe:\n",
        test=f"{_ALONE}test_moves_that_wait_alone_are_made_when_cal_com_is_back",
    ),
    Breakage(
        name="let-go-in-vain-for-ever",
        promise=4,
        file="tasks/booking.py",
        old="ends.write(claimed, rested(claimed, move) if move.to is Status.HELD else move)",
        new="ends.write(claimed, move)",
        test=f"{_VAIN}test_a_row_that_is_let_go_in_vain_rests",
    ),
    _resting(
        name="what-is-let-go-in-vain-is-told-to-nobody",
        old="if lately + 1 == TOO_OFTEN and",
        new="if times < 0 and",
        test=f"{_VAIN}test_a_row_that_goes_on_in_vain_is_an_incident",
    ),
    _resting(
        name="what-is-let-go-in-vain-is-told-where-nothing-rests",
        old="seconds=(MINUTE, TEN_MINUTES))",
        new="seconds=(MINUTE, MINUTE))",
        test=f"{_VAIN}test_a_row_that_goes_on_in_vain_is_an_incident",
    ),
    _resting(
        name="a-sick-endpoint-is-told-as-our-fault",
        old=" and reason is not HoldReason.UNREACHABLE:",
        new=":",
        test=f"{_VAIN}test_what_waits_for_a_sick_endpoint_is_no_incident",
    ),
    _resting(
        name="each-hold-without-a-call-rests",
        old="if times < FREE:",
        new="if times < 1:",
        test=f"{_VAIN}test_a_row_that_is_let_go_in_vain_rests",
    ),
    Breakage(
        name="changes-wait-for-the-making-of-bookings",
        promise=4,
        file="tasks/changes/claim.py",
        old="None if got.backlog is not None and _need_not_wait(deps) else got.backlog",
        new="got.backlog",
        test=f"{_SICK}test_cancels_and_moves_go_while_only_bookings_cannot_be_made",
    ),
    Breakage(
        name="held-changes-wait-for-the-making-of-bookings",
        promise=4,
        file="tasks/maintenance/release.py",
        old="return count + release_apart(deps, view, DEFAULT_ACCOUNT)",
        new="return count",
        test=f"{_SICK}test_changes_of_an_outage_go_when_all_but_the_making_of_bookings_works",
    ),
    _turns(
        name="changes-of-accounts-wait-for-the-making-of-bookings",
        old="                count += release_apart(deps, view, pace.id, deps.callers.of(pace))\n",
        new="                count += 0\n",
        test=f"{_APART}test_changes_go_while_the_making_of_bookings_is_sick_for_all",
    ),
    _turns(
        name="changes-wait-for-their-accounts-own-breaker-of-bookings",
        old="                release_apart(deps, released, account, callers[account])\n",
        new="                pass\n",
        test=f"{_APART}test_changes_go_while_one_accounts_own_breaker_for_bookings_is_open",
    ),
    Breakage(
        name="a-move-that-cannot-be-made-holds-bookings",
        promise=4,
        file="tasks/work/decisions.py",
        old="if posted.others_go and isinstance(row, BookingChange):",
        new="if not posted and isinstance(row, BookingChange):",
        test=f"{_SICK}test_bookings_and_cancels_go_while_nothing_can_be_moved",
    ),
    Breakage(
        name="suspect-change-is-looked-up-by-nobody",
        promise=4,
        file="tasks/changes/late_lookups.py",
        old="look_late(built), look_at_suspects(built, SUSPECTS)",
        new="look_late(built), 0",
        test=f"{_SUSPECTS}test_a_suspect_move_that_was_done_is_done",
    ),
    Breakage(
        name="suspect-change-is-posted",
        promise=2,
        file="tasks/changes/suspects.py",
        old="    calls = _ReadOnlyCalls(",
        new="    ChangeClaim.renew = lambda claim, **_: claim.row\n    calls = GuardedCalls(",
        test=f"{_SUSPECTS}test_a_suspect_change_that_was_not_done_is_never_posted",
    ),
    _calls(
        name="each-move-probes-an-outage",
        old="if probe and self._probe_ok and isinstance(permit, Denied)",
        new="if probe and isinstance(permit, Denied)",
        test=f"{_GUARD}test_a_post_that_is_no_probe_has_a_read_for_one_if_it_was_let_go_to_probe",
    ),
)
