"""What is known of event types, each guard taken away; a test of theirs must fail (the rule itself: evidence.py)."""

from functools import partial

from tests.mutation.breakage import Breakage

_KEPT = "tests/integration/appointments/test_db_event_types.py::"
_kept = partial(Breakage, promise=2, file="db/appointments/event_types.py")
EVENT_TYPES = (
    _kept(
        name="change-of-a-type-not-recorded",
        old='"kind_changed_at": case((_is_another(statement), func.now()), else_=_columns.kind_changed_at),',
        new="",
        test=f"{_KEPT}test_a_change_of_a_type_counts_for_every_key",
    ),
    _kept(
        name="change-of-a-type-counts-for-one-key",
        old="func.greatest(_columns.kind_changed_at, changed.scalar_subquery())",
        new="_columns.kind_changed_at",
        test=f"{_KEPT}test_a_change_of_a_type_counts_for_every_key",
    ),
    _kept(
        name="change-of-a-type-counts-for-every-type",
        old="where(others.c.event_type == event_type)",
        new="where(others.c.event_type == _columns.event_type)",
        test=f"{_KEPT}test_a_change_of_a_type_is_none_of_another",
    ),
    _kept(
        name="switched-column-is-no-change",
        old="and_(confirms.is_not(None), confirms.is_distinct_from(new.confirms_free_email)),",
        new="",
        test=f"{_KEPT}test_a_type_that_is_another_than_before_is_known_to_have_changed",
    ),
    Breakage(
        name="hidden-type-has-changed",
        promise=2,
        file="tasks/guarded_calls/event_type_lookup.py",
        old="and (before.deleted or before.policy_kind is not EventKind.UNKNOWN)",
        new="and before.deleted",
        test="tests/promises/lost_or_twice/test_evidence_holds.py::test_a_type_that_is_not_shown_for_a_while_has_not_changed",
    ),
    Breakage(
        name="own-types-asked-in-the-version-that-hides-the-column",
        promise=2,
        file="tasks/calcom/reads.py",
        old='OWN_TYPES_VERSION = "2024-04-15"',
        new='OWN_TYPES_VERSION = "2024-06-14"',
        test="tests/promises/answers/test_hidden_hosts.py::test_anothers_accepted_booking_shows_that_ours_is_not_there",
    ),
    Breakage(
        name="taker-overlooked",
        promise=2,
        file="tasks/attempts/evidence.py",
        old="if case.slot is Slot.UNAVAILABLE and case.taker and case.ended:",
        new="if False:",
        test="tests/promises/answers/test_hidden_hosts.py::test_anothers_accepted_booking_shows_that_ours_is_not_there",
    ),
    Breakage(
        name="taker-only-asked-for",
        promise=2,
        file="tasks/calcom/deciding_lookup.py",
        old="if other.accepted and other.end",
        new="if other.end",
        test="tests/unit/replies/test_lookup_results.py::"
        "test_only_anothers_accepted_booking_at_our_start_is_in_our_place",
    ),
)
