"""The answers that Cal.com is dealt: each reply to a POST, each sight of its list, each word on an event type."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

from db.appointments.event_types import EventType
from db.appointments.there.places import BookedThere
from db.event_kind import EventKind
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.lookup import HalfMade, LookupKind, LookupResult
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tests.model.rows import FAR, NOW, REFERENCE

_FINISHED = {"answered_at": NOW}
_EARLIER = NOW - timedelta(hours=1)  # as a proxy's Date has it that is an hour ahead


def _reply(reply_kind: ReplyKind, error: ErrorType, **more: object) -> Reply:
    return Reply(kind=reply_kind, outcome=CallOutcome.IGNORED, error_type=error, **more)  # type: ignore[arg-type]


_TAKEN = {"http_status": 400, **_FINISHED}
_ANSWERED = {"settle_after": SettleAfter.ANSWERED, **_FINISHED}
REPLIES: Mapping[str, Reply] = MappingProxyType(
    {
        "201": _reply(ReplyKind.BOOKED, ErrorType.NONE, uid="uid", created_at=NOW, **_FINISHED),
        "201, by another clock": _reply(ReplyKind.BOOKED, ErrorType.NONE, uid="uid", created_at=_EARLIER, **_FINISHED),
        "201 of a guest's": _reply(ReplyKind.EXISTING_BOOKING, ErrorType.REFUSED, uid="other", **_FINISHED),
        "201 of his own": _reply(
            ReplyKind.EXISTING_BOOKING, ErrorType.REFUSED, uid="other", is_attendee=True, **_FINISHED
        ),
        "201 that shows nobody": _reply(ReplyKind.EXISTING_BOOKING, ErrorType.REFUSED, owner_hidden=True, **_FINISHED),
        "500": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_500, http_status=500, **_FINISHED),
        "502": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_502, settle_after=SettleAfter.GATEWAY),
        "503": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_503, settle_after=SettleAfter.GATEWAY),
        "a page": _reply(ReplyKind.CONFIGURATION, ErrorType.CONFIGURATION, settle_after=SettleAfter.GATEWAY),
        "no answer": _reply(ReplyKind.UNKNOWN, ErrorType.TIMEOUT, settle_after=SettleAfter.UNANSWERED),
        "too old": _reply(ReplyKind.NOT_SENT, ErrorType.LEASE_LOST),
        "no connection": _reply(ReplyKind.NOT_SENT, ErrorType.CONNECT),
        "429": _reply(ReplyKind.THROTTLED, ErrorType.THROTTLED),
        "a refused key": _reply(ReplyKind.CREDENTIALS, ErrorType.CREDENTIALS),
        "taken": _reply(ReplyKind.TAKEN, ErrorType.TAKEN, ask_slots=True, **_TAKEN),
        "full": _reply(ReplyKind.FULL, ErrorType.TAKEN, http_status=409, **_FINISHED),
        "signed up": _reply(ReplyKind.SIGNED_UP, ErrorType.TAKEN, http_status=409, **_FINISHED),
        "out of bounds": _reply(ReplyKind.BOUNDS, ErrorType.REFUSED, **_TAKEN),
        "limit": _reply(ReplyKind.EVENT_TYPE_LIMIT, ErrorType.LIMIT, http_status=401, **_FINISHED),
        "maximum": _reply(ReplyKind.ATTENDEE_LIMIT, ErrorType.LIMIT, **_TAKEN),
        "maximum, ours": _reply(ReplyKind.ATTENDEE_LIMIT, ErrorType.LIMIT, uid="ours", **_TAKEN),
        "maximum, his other": _reply(ReplyKind.ATTENDEE_LIMIT, ErrorType.LIMIT, uid="other", **_TAKEN),
        "no such type": _reply(ReplyKind.REFUSED, ErrorType.NO_EVENT_TYPE, http_status=404, **_FINISHED),
        "refused": _reply(ReplyKind.REFUSED, ErrorType.REFUSED, **_TAKEN),
    }
)
# What real runs meet beside these, and the searches are not dealt: to a worker it is as one of those above, or leads to
# fewer ends.
RARE_REPLIES: Mapping[str, Reply] = MappingProxyType(
    {
        "504": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_504, settle_after=SettleAfter.UNANSWERED),
        "52x": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_52X, settle_after=SettleAfter.UNANSWERED),
        "500, not by Cal.com": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_500, settle_after=SettleAfter.UNANSWERED),
        "a 201 that is cut": _reply(ReplyKind.UNKNOWN, ErrorType.UNREADABLE, settle_after=SettleAfter.UNANSWERED),
        "a 201 that cannot be read": _reply(ReplyKind.UNKNOWN, ErrorType.UNREADABLE, **_ANSWERED),
        "its database failed": _reply(ReplyKind.UNKNOWN, ErrorType.DATABASE, **_ANSWERED),
        "another error": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_OTHER, settle_after=SettleAfter.UNANSWERED),
        "another error of Cal.com's": _reply(ReplyKind.UNKNOWN, ErrorType.HTTP_OTHER, **_ANSWERED),
        "taken, by 409": _reply(ReplyKind.TAKEN, ErrorType.TAKEN, ask_slots=True, http_status=409, **_FINISHED),
        "refused before any check": _reply(ReplyKind.REFUSED, ErrorType.REFUSED, http_status=404, **_FINISHED),
        "wrong settings": _reply(ReplyKind.CONFIGURATION, ErrorType.CONFIGURATION),
    }
)
_THERE = {"series_uid": None, "cancelled": False, "is_at": lambda _: True, "start": None, "awaits_host": False}
NAMED: Mapping[str, object] = MappingProxyType(  # what Cal.com shows by uid: as much as the product reads of it
    {
        "ours": (SimpleNamespace(uid="ours", marks={str(REFERENCE): None}, **_THERE),),
        "other": (SimpleNamespace(uid="other", marks={}, **_THERE),),
        "not found": REPLIES["no such type"],
    }
)
NAMES: Mapping[int, str] = MappingProxyType(
    {id(reply): name for name, reply in (*REPLIES.items(), *RARE_REPLIES.items())}
)

LENGTH = 30  # minutes
_ENDS = frozenset(start + timedelta(minutes=LENGTH) for start in (NOW, NOW + FAR))
LOOKUP_RESULTS: Mapping[str, LookupResult] = MappingProxyType(
    {
        "found": LookupResult(kind=LookupKind.FOUND, there=BookedThere("uid")),
        "cancelled": LookupResult(kind=LookupKind.CANCELLED, there=BookedThere("uid")),
        "absent": LookupResult(kind=LookupKind.ABSENT),
        "absent, no such type": LookupResult(kind=LookupKind.ABSENT, deleted=True),
        "absent, beside a stranger's": LookupResult(kind=LookupKind.ABSENT, stranger=True),
        "absent, another has it": LookupResult(kind=LookupKind.ABSENT, taken_until=_ENDS),
        "a seat by half": LookupResult(kind=LookupKind.ABSENT, half_made=HalfMade("half", None, None)),
        "a seat of his own": LookupResult(kind=LookupKind.ABSENT, half_made=HalfMade("other", "seat", "another")),
        "503": LookupResult(kind=LookupKind.FAILED, reply=REPLIES["503"]),
        "a refused key": LookupResult(kind=LookupKind.FAILED, reply=REPLIES["a refused key"]),
        "429": LookupResult(kind=LookupKind.FAILED, reply=REPLIES["429"]),
        "a page": LookupResult(kind=LookupKind.FAILED, reply=REPLIES["a page"]),
    }
)


class KnownType(NamedTuple):
    """What Cal.com shows this key of an event type, or has shown of a deleted one; `changed` since our unknown POST."""

    policy_kind: EventKind
    free: bool | None = None
    sight: bool = False
    seats: bool = False
    recurs: bool = False
    changed: bool = False
    deleted: bool = False

    @property
    def kind(self) -> EventKind:
        """Return the kind that the product takes it for."""
        return event_type(self).kind


@cache
def event_type(known: KnownType) -> EventType:
    """Return it as the product keeps it."""
    return EventType(
        key_fingerprint="key",
        event_type="101",
        calcom_id=101,
        policy_kind=known.policy_kind,
        confirms_free_email=known.free,
        sight=known.sight,
        seats=known.seats,
        occurrences=8 if known.recurs else None,
        length_minutes=LENGTH,
        deleted=known.deleted,
        asked_at=NOW,
        kind_changed_at=NOW if known.changed else None,
        looked_at=None,
        fresh=True,
    )
