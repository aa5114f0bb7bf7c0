"""The rules of evidence: without any one of them the model's search must find two bookings, or a contradiction.

`searches/model_guards.py` takes each away, and searches its deal.
"""

from dataclasses import dataclass
from enum import StrEnum

from tests.mutation.breakage import Removal


class Finds(StrEnum):
    """Say what is found first where a rule is missing."""

    TWO = "two bookings of one request"
    CONTRADICTION = "a row that says what is not so"
    STANDSTILL = "a row that nobody moves on"


@dataclass(frozen=True, slots=True)
class Rule(Removal):
    """A rule of evidence, as the product is without it; the deal of the model that needs it, and what is then found."""

    deal: str
    finds: Finds = Finds.CONTRADICTION


_EVIDENCE, _UNKNOWN, _INQUIRY = "tasks/attempts/evidence.py", "tasks/attempts/outcome.py", "tasks/attempts/inquiry.py"
_TYPES, _KEPT = "tasks/calcom/event_type_answers.py", "db/appointments/event_types.py"
_JUDGED = "return self.policy_kind if self.confirms_free_email is False else if_confirmed(self.policy_kind)"

RULES = (
    # -- what the key sees
    Rule(
        "sight-of-a-host",
        _TYPES,
        "return self.personal and (self.owner_id == user_id or stranger)",
        "return not self.personal or self.owner_id == user_id or stranger",
        "collective, hosts it",
    ),
    Rule(
        "sight-of-a-teams-type-by-a-strangers-booking",
        _TYPES,
        "return self.personal and (self.owner_id == user_id or stranger)",
        "return self.owner_id == user_id or stranger",
        "round robin, sees others'",
    ),
    Rule(
        "sight-believed-for-a-day",
        _INQUIRY,
        "            kept = event_type_lookup.ask(claim.deps, self.calls, row, stranger=result.stranger)",
        "            kept = before or event_type_lookup.ask(claim.deps, self.calls, row, stranger=result.stranger)",
        "plain, sees all",
    ),
    Rule(
        "sight-believed-by-a-reading-older-than-the-list",
        _INQUIRY,
        " and (times.sent_ago <= YOUNG or not kept.sight)",
        "",
        "plain, sees all",
        Finds.TWO,
    ),
    Rule("blind-key-believed", _EVIDENCE, "if not case.sight:", "if False:", "plain, sees none"),
    # -- the two moments
    Rule(
        "absence-believed-at-the-settle-time",
        _UNKNOWN,
        '"ends_at": FromNow(max(ends, times.ends_in) if row.outcome_unknown else ends),',
        '"ends_at": FromNow(_settles_in(rules, reply, sent_ago, kind)),',
        "plain, sees all",
    ),
    Rule(
        "absence-believed-before-its-end",
        _EVIDENCE,
        "return _not_booked(case) if case.ended else _before_the_end(case)",
        "return _not_booked(case)",
        "seats x confirmation, sees all",
    ),
    Rule(
        "end-of-the-first-post",
        _UNKNOWN,
        "FromNow(max(ends, times.ends_in) if row.outcome_unknown else ends)",
        "FromNow(times.ends_in if row.outcome_unknown else ends)",
        "plain, sees all",
    ),
    Rule(
        "absence-believed-by-a-shortcut",
        _INQUIRY,
        "return self._absent(kept, result, times, another=another)",
        "return self._absent(kept, result, replace(times, ends_in=0.0), another=another)",
        "plain, sees all",
    ),
    Rule(
        "page-taken-for-a-no",
        "tasks/calcom/reply.py",
        "return self.kind is ReplyKind.UNKNOWN or self.settle_after is not SettleAfter.ANSWERED",
        "return self.kind is ReplyKind.UNKNOWN",
        "plain, sees all",
    ),
    Rule(
        "page-after-an-earlier-post-settles-nothing",
        "tasks/attempts/answered.py",
        "if reply.may_have_booked:",
        "if reply.may_have_booked and (reply.kind is ReplyKind.UNKNOWN or not row.outcome_unknown):",
        "round robin, hosts it",
        Finds.TWO,
    ),
    Rule(
        "gateway-settles-every-kind",
        _UNKNOWN,
        "(reply.settle_after is SettleAfter.GATEWAY and kind in BY_SLOTS)",
        "reply.settle_after is SettleAfter.GATEWAY",
        "round robin, hosts it",
        Finds.TWO,
    ),
    Rule(
        "evidence-post-before-the-settle-time",  # of two that hold it: which look is made, and what an absence says
        _UNKNOWN,
        "return cls(settled_in, max(ends_in, settled_in), waited, sent_ago)",
        "return cls(0.0, max(ends_in, settled_in), waited, sent_ago)",
        "round robin, hosts it",
        Finds.TWO,
    ),
    Rule(
        "failed-by-slots-before-the-end",
        _EVIDENCE,
        """    if not case.ended:
        return Act.LOOKUP
    return Act.UNREACHABLE""",
        "    return Act.UNREACHABLE",
        "plain, sees none",
    ),
    # -- which kinds a second POST may go to
    Rule(
        "second-post-of-any-kind",
        _EVIDENCE,
        "again = case.kind in NEVER_TWICE and case.may_retry",
        "again = case.may_retry",
        "seats x confirmation, sees all",
        Finds.TWO,
    ),
    Rule(
        "evidence-post-of-any-kind",
        _EVIDENCE,
        "return Act.POST_AS_EVIDENCE if case.kind in BY_EVIDENCE and not case.waited else _blind(case)",
        "return Act.POST_AS_EVIDENCE if not case.waited else _blind(case)",
        "round robin x confirmation, sees nothing",
        Finds.TWO,
    ),
    Rule(
        "round-robin-with-confirmation-as-confirmation",
        _TYPES,
        "    (Scheduling.COLLECTIVE, False, False, True): EventKind.CONFIRMATION,\n",
        "    (Scheduling.COLLECTIVE, False, False, True): EventKind.CONFIRMATION,\n"
        "    (Scheduling.ROUND_ROBIN, False, False, True): EventKind.CONFIRMATION,\n",
        "round robin x confirmation, hosts it",
        Finds.TWO,
    ),
    Rule(
        "seats-with-confirmation-as-seats",
        _TYPES,
        "    (Scheduling.PERSONAL, True, False, False): EventKind.SEATS,\n",
        "    (Scheduling.PERSONAL, True, False, False): EventKind.SEATS,\n"
        "    (Scheduling.PERSONAL, True, False, True): EventKind.SEATS,\n",
        "seats x confirmation, sees none",
        Finds.TWO,
    ),
    Rule(
        "free-addresses-overlooked",
        _KEPT,
        _JUDGED,
        "return self.policy_kind",
        "round robin x free addresses, hosts it",
        Finds.TWO,
    ),
    Rule(
        "free-addresses-not-told-taken-for-none",
        _KEPT,
        _JUDGED,
        _JUDGED.replace("is False", "is not True"),
        "round robin x free addresses, is not told all",
        Finds.TWO,
    ),
    Rule(
        "plain-for-free-addresses-as-plain",
        _KEPT,
        _JUDGED,
        _JUDGED.replace("is False", "is False or self.policy_kind is EventKind.PLAIN"),
        "plain x free addresses, sees none",
    ),
    Rule(
        "seats-for-free-addresses-as-seats",
        _KEPT,
        _JUDGED,
        _JUDGED.replace("is False", "is False or self.policy_kind is EventKind.SEATS"),
        "seats x free addresses, is not told all",
        Finds.TWO,
    ),
    Rule(
        "series-for-free-addresses-as-series",
        _KEPT,
        _JUDGED,
        _JUDGED.replace("is False", "is False or self.policy_kind is EventKind.ROUND_ROBIN_SERIES"),
        "round robin series x free addresses, hosts it",
        Finds.TWO,
    ),
    Rule(
        "kind-of-today-believed",
        _KEPT,
        "return EventKind.OTHER if changed is not None and (sent_at is None or sent_at <= changed) else self.kind",
        "return self.kind",
        "confirmation, switched, sees none",
        Finds.TWO,
    ),
    Rule(
        "second-post-of-what-is-to-be-cancelled",
        _EVIDENCE,
        "if case.unclear or case.cancel or case.near:",
        "if case.unclear or case.near:",
        "round robin, hosts it",
        Finds.STANDSTILL,
    ),
    Rule(
        "cancelled-and-posted-all-the-same",
        _INQUIRY,
        "            if row.is_unwanted_at_start:  # a person cancelled or moved it during the lookup\n",
        "            if False:\n",
        "plain, sees all",
    ),
    # -- what answers prove
    Rule(
        "absence-of-a-missing-type-believed",
        _EVIDENCE,
        "if case.missing and not (case.sight and case.another):",
        "if case.missing and not case.sight:",
        "series, another Cal.com that takes the key, sees all",
    ),
    Rule(
        "lookup-before-the-url-was-right-believed",
        _INQUIRY,
        "return self._decide(times, another=shows_another(self.claim.deps, self.calls, row))",
        "act = after_absence(replace(case, another=shows_another(self.claim.deps, self.calls, row)))",
        "series, another Cal.com that takes the key, sees all",
    ),
    Rule(
        "gone-slot-read-as-a-strangers",
        _EVIDENCE,
        """    if case.slot is not Slot.OFFERED:
        return _blind(case)
""",
        """    if case.slot is not Slot.OFFERED:
        return Act.REJECT_TAKEN
""",
        "plain, sees none",
    ),
    Rule(
        "taker-believed-where-a-host-confirms",
        _EVIDENCE,
        "return Act.BLIND if case.ended else Act.LOOKUP",
        "return Act.REJECT_TAKEN if case.ended and case.taker else Act.BLIND if case.ended else Act.LOOKUP",
        "collective x free addresses, hosts it",
    ),
    Rule(
        "refusal-of-the-second-post-believed",
        _INQUIRY,
        "kept = event_type_lookup.known(claim.deps, row) if post.evidence else None",
        """if not post.evidence:
            return rejected(reply.kind, reply.message, reply.uid)
        kept = event_type_lookup.known(claim.deps, row)""",
        "plain, sees none",
    ),
    Rule(
        "taken-read-as-not-there-with-confirmation",
        _EVIDENCE,
        "ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.CONFIRMATION, EventKind.ROUND_ROBIN_SERIES},",
        "ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.ROUND_ROBIN_SERIES},",
        "confirmation, sees none",
    ),
    Rule(
        "taken-read-as-not-there-of-a-series",
        _EVIDENCE,
        "ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.CONFIRMATION, EventKind.ROUND_ROBIN_SERIES},",
        "ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.CONFIRMATION},",
        "round robin series, hosts it",
    ),
    Rule(
        "limit-read-as-not-there-with-seats",
        _EVIDENCE,
        "ReplyKind.EVENT_TYPE_LIMIT: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),",
        "ReplyKind.EVENT_TYPE_LIMIT: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS, EventKind.SEATS}),",
        "seats, sees none",
    ),
    Rule(
        "bounds-read-as-not-there-of-a-series",
        _EVIDENCE,
        "ReplyKind.BOUNDS: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),",
        "ReplyKind.BOUNDS: BY_EVIDENCE,",
        "round robin series, hosts it",
    ),
    Rule(
        "guests-booking-taken-for-his-own",
        _EVIDENCE,
        "return Act.REJECT if reply.is_attendee and foreign and not reply.owner_hidden else Act.BLIND",
        "return Act.REJECT",
        "round robin, hosts it",
    ),
    Rule(
        "own-seat-taken-for-anothers",
        _EVIDENCE,
        "return Act.REJECT if address_seated and kind is EventKind.SEATS else Act.BLIND",
        "return Act.REJECT",
        "seats, sees none",
    ),
    Rule(
        "deleted-type-taken-for-proof",
        _EVIDENCE,
        """    if reply_kind is ReplyKind.REFUSED and reply.http_status in _BEFORE_ANY_CHECK:
        return Act.BLIND
""",
        """    if reply_kind is ReplyKind.REFUSED and reply.http_status in _BEFORE_ANY_CHECK:
        return Act.REJECT
""",
        "round robin, hosts it",
    ),
    Rule(
        "failed-without-proof",
        _UNKNOWN,
        'return Move(Status.HELD, "retries used up, and still no proof", columns | hold)',
        'return Move(Status.FAILED, "retries used up", columns | KNOWN)',
        "round robin, hosts it",
    ),
    # -- a first refusal, a series, a seat by half
    Rule(
        "rejected-without-a-look",
        _INQUIRY,
        """        if (step := outcome.after_lookup(rules, row, result)) is not None:
            return step
        slot =""",
        "        slot =",
        "plain, sent twice by a proxy, sees all",
    ),
    Rule(
        "refused-series-believed",
        _EVIDENCE,
        "if recurs or (kind is EventKind.UNKNOWN",
        "if (kind is EventKind.UNKNOWN",
        "series, sees all",
    ),
    Rule(
        "refusal-by-an-unknown-kind-believed",
        _EVIDENCE,
        "if recurs or (kind is EventKind.UNKNOWN and not leaves_none):",
        "if recurs:",
        "series, sees nothing",
    ),
    Rule(
        "missing-type-refuses-its-customers",
        _INQUIRY,
        "ErrorType.NO_EVENT_TYPE and event_type_lookup.was_here(self.claim.deps, row):",
        "ErrorType.NO_EVENT_TYPE and False:",
        "plain, another Cal.com, sees all",
    ),
    Rule(
        "kept-refusal-of-a-missing-type-believed",
        _INQUIRY,
        "self._missing_type(row, row.refusal) if act is Act.REJECT and row.refusal else None",
        "None",
        "plain, sees all",
    ),
    Rule(
        "refusal-believed-though-the-type-is-there-again",
        _INQUIRY,
        "missing = self._missing_type(row, refusal)  # asked once more: the type may have been stored just now",
        "missing = None",
        "plain, sees all",
    ),
    # -- a POST that stands for the lookup
    Rule(
        "posted-unseen-though-a-person-may-have-cancelled",
        "tasks/attempts/cases.py",
        "unseen=row.error_type in _GATEWAY and times.sent_ago <= YOUNG,",
        "unseen=row.error_type in _GATEWAY,",
        "plain, sees all",
        Finds.TWO,
    ),
    Rule(
        "posted-unseen-of-every-kind",
        _EVIDENCE,
        "again = case.kind in BY_SLOTS and case.settled and case.unseen and case.may_retry",
        "again = case.settled and case.unseen and case.may_retry",
        "confirmation, switched, sees all",
        Finds.TWO,
    ),
    Rule(
        "half-made-seat-overlooked",
        _INQUIRY,
        "if ended and kept.seats and (half := shown.half_made) is not None:",
        "if False and (half := shown.half_made) is not None:",
        "seats, sees all",
    ),
)
