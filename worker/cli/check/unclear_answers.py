"""Find how unclear answers of each event type are settled: by its kind, and by whether our key sees its bookings."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import Enum

from db.appointments.appointment import Appointment
from db.appointments.event_types import EventType
from db.event_kind import EventKind
from tasks.attempts.evidence import BY_EVIDENCE, BY_SLOTS
from tasks.audit.calls import AuditHalted
from tasks.calcom.booking_answers import read_list
from tasks.calcom.reply import Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import GuardedCalls
from tasks.guarded_calls.event_type_lookup import NotAskedError

API_KEY = "CALCOM_API_KEY"


class Settled(Enum):
    """How an unclear answer of an event type is settled; the value is the sentence for an operator."""

    BY_SIGHT = "the key sees every booking of event type {types}"
    BY_SECOND_POST = (
        "unclear answers of event type {types} are settled by a second POST: the key does not see all of its bookings"
    )
    BY_SLOTS = (
        "unclear answers of event type {types} are settled by its free slots: the key does not see all of its "
        "bookings, and one whose slot is gone is held(blind_key), unless another's booking is seen there"
    )
    DELETED = "event type {types} no longer exists at Cal.com"
    NOT_ASKED = "what event type {types} is could not be asked now"
    BY_NO_KEY = (
        "unclear answers of event type {types} are held(blind_key), with every key, unless the booking is found: no "
        "list shows all bookings of a team's type, and no second POST would tell"
    )
    BY_ANOTHER_KEY = (
        "{key}: its user is not shown enough of event type {types} to settle an unclear answer there: it is "
        "held(blind_key); use the key of the type's owner, or of a member of its team"
    )


def check_types(
    deps: Dependencies, calls: GuardedCalls, confirmed: Sequence[Appointment], key: str = API_KEY
) -> Iterator[tuple[bool, str]]:
    """Yield whether each result is good, and its sentence; `confirmed` has one booking of each event type.

    `key` is what an operator calls the key.
    """
    found: dict[Settled, list[str]] = defaultdict(list)
    halted = ""
    for row in confirmed:
        try:
            event_type = None if halted else _ask(deps, calls, row)
        except NotAskedError:
            event_type = None
        except AuditHalted as no:
            event_type, halted = None, f" ({no})"
        found[_settled(event_type)].append(f"{row.event_type}{_kind(event_type)}")
    for how in Settled:
        if types := found.get(how):
            message = how.value.format(types=", ".join(types), key=key)
            yield how is not Settled.BY_ANOTHER_KEY, message + (halted if how is Settled.NOT_ASKED else "")


def _ask(deps: Dependencies, calls: GuardedCalls, row: Appointment) -> EventType:
    """Ask what the type is; where Cal.com does not show it to this key, the list shows whether it was deleted."""
    event_type = event_type_lookup.ask(deps, calls, row)
    if (
        event_type.kind is not EventKind.UNKNOWN
        or event_type.deleted
        or (number := event_type.calcom_id or row.event_type_id) is None
    ):
        return event_type
    page = read_list(calls.list_bookings({"eventTypeId": number, "take": 1}))
    if isinstance(page, Reply) and page.kind is ReplyKind.DELETED:
        event_type_lookup.deleted(deps, row)
        return event_type_lookup.known(deps, row) or event_type
    return event_type


def _settled(event_type: EventType | None) -> Settled:
    """Return how an unclear answer is settled, in the order of docs/evidence.md ("What may end a booking")."""
    if event_type is None:
        return Settled.NOT_ASKED
    if event_type.deleted:
        return Settled.DELETED
    if event_type.sight:
        return Settled.BY_SIGHT
    if event_type.kind in BY_EVIDENCE:
        return Settled.BY_SECOND_POST
    if event_type.kind in BY_SLOTS:
        return Settled.BY_SLOTS
    told = event_type.policy_kind is EventKind.OTHER or event_type.confirms_free_email is not None
    return Settled.BY_NO_KEY if told and not event_type.personal else Settled.BY_ANOTHER_KEY


def _kind(event_type: EventType | None) -> str:
    if event_type is None or event_type.deleted:
        return ""
    if event_type.kind is EventKind.UNKNOWN:
        return " (a kind that Cal.com does not show to it)"
    kind = event_type.policy_kind.replace("_", " ")
    if event_type.confirms_free_email:
        kind += ", free addresses confirmed"
    elif event_type.kind is not event_type.policy_kind:
        kind += ", perhaps confirmed: not told"
    return f" ({kind})"
