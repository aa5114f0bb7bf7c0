"""The rules of a cancel and a reschedule: without any one of them the model's search must find what goes wrong.

`searches/model_changes.py` takes each away, and searches its deal.
"""

from dataclasses import dataclass

from tests.mutation.breakage import Removal


@dataclass(frozen=True, slots=True)
class ChangeRule(Removal):
    """A rule, as the product is without it; the deal of the model that needs it, and what is then found."""

    deal: str
    finds: str


AT_ONCE = "two calls on one uid"
TWO = "two live bookings of one request"
CANCELLED, MOVED = "told cancelled, and it lives", "told moved, and it is not there"
STAYED, STANDS = "told that it stands, and it was moved", "told that it stands, and it is gone"
UNMEANT = "a week is cancelled that nobody meant"
STANDSTILL = "a state that nothing moves on"
_ORDER, _CANCEL, _WEEKS, _MOVE, _LOOKS, _ANSWER, _EVIDENCE, _REFUSALS = (
    "tests/model/changes/order.py",
    "tasks/changes/evidence/cancel.py",
    "tasks/changes/evidence/weeks.py",
    "tasks/changes/evidence/reschedule.py",
    "tasks/changes/lookup.py",
    "tasks/calcom/changes/reschedule.py",
    "tasks/changes/evidence/case.py",
    "tasks/calcom/changes/refusals.py",
)

CHANGE_RULES = (
    ChangeRule(
        "changes-wait-by-row",
        _ORDER,
        "other.uid == change.uid\n",
        "other.booking == change.booking\n",
        "seats, two cancels",
        AT_ONCE,
    ),
    ChangeRule(
        "another-start-before-the-first-is-known",
        _ORDER,
        "            or other.unknown\n"
        "            or other.posts > change.posts == 0\n"
        "            or (other.booking == change.booking and other.number < change.number)\n",
        "",
        "plain, two moves, lag",
        AT_ONCE,
    ),
    ChangeRule(
        "moved-to-any-start",
        _LOOKS,
        "reference in booking.marks and booking.is_at(wanted)",
        "reference in booking.marks and wanted is not None",
        "plain, move",
        MOVED,
    ),
    ChangeRule(
        "any-201-moves",
        _ANSWER,
        "moved = booking.is_at(start) and (bool(booking.seat_uid) if seat else reference in booking.marks)",
        "moved = booking.is_at(start)",
        "round robin, move, his other booking",
        MOVED,
    ),
    ChangeRule(
        "a-seats-201-by-its-attendees",
        _ANSWER,
        "bool(booking.seat_uid) if seat else reference in booking.marks",
        "reference in booking.marks",
        "seats, move into a booking, lag",
        STAYED,
    ),
    ChangeRule(
        "a-moved-booking-is-not-followed",
        _CANCEL,
        "            return ChangeStep.FOLLOW\n        case Shown.NOT_FOUND:",
        "            return ChangeStep.DONE\n        case Shown.NOT_FOUND:",
        "plain, cancel",
        CANCELLED,
    ),
    ChangeRule(
        "cancelled-already-is-done",
        _CANCEL,
        "if answer is ChangeAnswer.CANCELLED:",
        "if answer in {ChangeAnswer.CANCELLED, ChangeAnswer.CANCELLED_BEFORE}:",
        "plain, cancel",
        CANCELLED,
    ),
    ChangeRule(
        "a-seat-that-is-nowhere-is-cancelled",
        _CANCEL,
        "    if case.listed is None:\n        return ChangeStep.ASK_LIST\n",
        "    if case.listed is None:\n        return ChangeStep.DONE\n",
        "seats, cancel",
        CANCELLED,
    ),
    ChangeRule(
        "cancelled-again-before-it-has-settled",
        _CANCEL,
        "    if not case.settled:\n        return ChangeStep.LOOK\n",
        "",
        "plain, cancel",
        AT_ONCE,
    ),
    ChangeRule(
        "moved-again-before-it-has-settled",
        _MOVE,
        "    if not case.settled:\n        return ChangeStep.LOOK\n    if case.listed is None",
        "    if case.listed is None",
        "round robin, move",
        AT_ONCE,
    ),
    ChangeRule(
        "moved-with-the-organizers-key",
        _MOVE,
        "return confirms is not False",
        "return False",
        "confirmation, move",
        "accepted, and its host was not asked",
    ),
    ChangeRule(
        "moved-with-the-key-where-nobody-knows-whether-it-confirms",
        _MOVE,
        "return confirms is not False",
        "return confirms is True",
        "confirmation, move, lag",
        "accepted, and its host was not asked",
    ),
    ChangeRule(
        "a-series-from-a-week-that-is-over",
        _WEEKS,
        " and week.start and week.start > since]",
        " and week.start]",
        "series, cancel",
        "told that it is over, and it is to come",
    ),
    ChangeRule(
        "one-week-with-all-that-follow",
        _WEEKS,
        "return WeeksLeft(Shown.ALIVE, own.uid)",
        "return WeeksLeft(Shown.ALIVE, own.uid, rest=True)",
        "series, one week",
        UNMEANT,
    ),
    ChangeRule(
        "from-any-week-on",
        _WEEKS,
        "if week.start and week.start >= part.week]",
        "if week.start]",
        "series, from a week on",
        UNMEANT,
    ),
    ChangeRule(
        "one-week-by-its-time-alone",
        _WEEKS,
        "named[-1] if is_one and named else None",
        "None",
        "series, the last week, hosts",
        UNMEANT,
    ),
    ChangeRule(
        "a-week-that-was-moved-is-not-followed",
        _WEEKS,
        "else present(weeks, first)",
        "else first",
        "series, one week, lag, hosts",
        STANDSTILL,
    ),
    ChangeRule(
        "a-week-that-was-moved-before-the-others-stays",
        _WEEKS,
        "if next_living([own], since=since) is not None:",
        "if is_one and next_living([own], since=since) is not None:",
        "series, from a week on, moved before",
        CANCELLED,
    ),
    ChangeRule(
        "a-week-that-has-begun-counts-as-cancelled",
        _WEEKS,
        "return WeeksLeft(Shown.BEGUN, own.uid)",
        "return WeeksLeft(Shown.CANCELLED)",
        "series, a week that has begun",
        CANCELLED,
    ),
    ChangeRule(
        "a-refusal-counts-after-an-unknown-post",
        _MOVE,
        "if answer in _REFUSALS and not unknown:",
        "if answer in _REFUSALS:",
        "plain, move, lag",
        STAYED,
    ),
    ChangeRule(
        "a-refusal-counts-before-the-end",
        _MOVE,
        "step = _refused(case.refusal, case.slot) if case.ended else ChangeStep.LOOK",
        "step = _refused(case.refusal, case.slot)",
        "plain, move, lag",
        STAYED,
    ),
    ChangeRule(
        "failed-before-the-end",
        _EVIDENCE,
        "    if not case.ended:\n        return ChangeStep.LOOK\n    return ChangeStep.UNREACHABLE",
        "    return ChangeStep.UNREACHABLE",
        "plain, move, lag",
        STAYED,
    ),
    ChangeRule(
        "young-bookings-are-gone",
        _EVIDENCE,
        "    if young:\n        return ChangeStep.LOOK\n",
        "",
        "plain, move and cancel, lag",
        CANCELLED,
    ),
    ChangeRule(
        "a-declined-move-is-done",
        _MOVE,
        "return ChangeStep.DONE if case.lives else ChangeStep.REFUSE_CANCELLED",
        "return ChangeStep.DONE",
        "confirmation, move",
        MOVED,
    ),
    ChangeRule(
        "done-while-another-post-is-at-work",
        _MOVE,
        "if case.repeated and not case.settled:",
        "if case.repeated and case.settled is None:",
        "plain, two moves, lag",
        TWO,
    ),
    ChangeRule(
        "a-lost-seat-stands",
        _MOVE,
        "return ChangeStep.BOOK_AGAIN if case.moved else ChangeStep.REFUSE_NOT_FOUND",
        "return ChangeStep.FAIL",
        "seats, move",
        STANDS,
    ),
    ChangeRule(
        "a-seat-is-booked-again-unseen",
        _MOVE,
        "    if not case.sight:\n        return ChangeStep.BLIND\n",
        "",
        "seats, move, no sight",
        TWO,
    ),
    ChangeRule(
        "a-seat-is-booked-again-before-the-end",
        _MOVE,
        "    if not case.ended:\n        return ChangeStep.LOOK\n    if not case.sight:",
        "    if not case.sight:",
        "seats, move, lag",
        TWO,
    ),
    ChangeRule(
        "a-seat-elsewhere-is-gone",
        _MOVE,
        "    if case.elsewhere:\n        return ChangeStep.REFUSE_MOVED\n",
        "",
        "seats, move, hosts",
        "told that it is not there, and it lives",
    ),
    ChangeRule(
        "a-database-error-moves-nothing",
        _REFUSALS,
        "return _by_words(answer, reply, RESCHEDULE) or _by_kind(reply, _RESCHEDULE_BY_KIND)",
        "return _by_words(answer, reply, RESCHEDULE) or _by_kind(reply, "
        "{**_RESCHEDULE_BY_KIND, **({reply.kind: _A.NOT_SENT} if reply.error_type is ErrorType.DATABASE else {})})",
        "plain, move, split",
        STAYED,
    ),
    ChangeRule(
        "what-is-listed-at-the-wanted-start-does-not-count",
        _MOVE,
        "    if case.listed:\n        return ChangeStep.DONE_BESIDE\n",
        "",
        "plain, move, split",
        STAYED,
    ),
    ChangeRule(
        "the-old-one-is-left-alive",
        _MOVE,
        "return ChangeStep.DONE_BESIDE",
        "return ChangeStep.DONE",
        "plain, move, split",
        TWO,
    ),
    ChangeRule(
        "a-second-201-ends-it",
        _MOVE,
        "case ChangeAnswer.MOVED | ChangeAnswer.CANCELLED_THERE if unknown and not seat:",
        "case ChangeAnswer.CANCELLED_THERE if unknown and not seat:",
        "round robin, move, split, no sight",
        TWO,
    ),
    ChangeRule(
        "an-old-one-that-is-cancelled-ends-it",
        _MOVE,
        "case Shown.CANCELLED if case.whole:",
        "case Shown.CANCELLED:",
        "plain, move, split, hosts",
        "told that it is not there, and it lives",
    ),
    ChangeRule(
        "one-end-is-enough",
        _MOVE,
        "step, both_seen = _not_listed(case), case.sight or case.whole",
        "step, both_seen = _not_listed(case), True",
        "plain, move, split, no sight",
        STAYED,
    ),
    ChangeRule(
        "posted-again-unseen-where-its-host-is-asked",
        _MOVE,
        "[ChangeStep.POST_AGAIN] if case.asks_host else []",
        "[]",
        "confirmation, move, split, no sight",
        TWO,
    ),
    ChangeRule(
        "an-unreachable-change-is-never-sent-again",
        _CANCEL,
        "return ChangeStep.POST_AGAIN if case.may_retry else out_of_retries(case)",
        "return ChangeStep.LOOK",
        "plain, cancel",
        STANDSTILL,
    ),
)
"""Each needs its deal: what goes wrong without it is found there, and nothing is found with it."""
