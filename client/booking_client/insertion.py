"""Store requests: a batch in one statement, each key once. It is the one INSERT, of clients and of the product."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid4

from booking_client import correlation
from booking_client.database.statements import Query, Rows, Steps, load, read
from booking_client.keep_rule import KeepRule
from booking_client.request.idempotency import derive_key, payload_hash
from booking_client.request.model import BookingRequest
from booking_client.states import HELD_BY, LIVE, HoldReason, Status

ROUNDS = 5  # a derived key may be given up between our INSERT and our SELECT; five times in a row is another fault

EVENT_TYPE = read("event_type")
"""An event type's name in a statement, as RequestFields.event_type returns it."""

_Key = tuple[str | None, bool, str]  # of one account: its name, None for `default`


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)  # its heirs have them; written, they take time
class RequestFields:
    """What was asked for. Personal data is left out of the repr, and so out of logs and tracebacks."""

    idempotency_key: str = field(repr=False)  # a caller may have put anything into it
    key_derived: bool
    payload_hash: str
    correlation_id: str
    task_id: str
    event_type_id: int | None = None
    event_type_slug: str | None = None
    username: str | None = None
    team_slug: str | None = None
    organization_slug: str | None = None
    start_at: datetime
    end_at: datetime | None = None
    length_in_minutes: int | None = None
    attendee_name: str = field(repr=False)
    attendee_email: str | None = field(repr=False, default=None)
    attendee_phone: str | None = field(repr=False, default=None)
    attendee_time_zone: str
    attendee_language: str | None = None
    guests: list[str] = field(repr=False, default_factory=list)
    location: dict[str, Any] | None = field(repr=False, default=None)
    booking_fields_responses: dict[str, Any] = field(repr=False, default_factory=dict)
    request_metadata: dict[str, Any] = field(repr=False, default_factory=dict)
    answer_by: datetime | None = None
    api_key_id: int | None = None  # which API key asked for it; None: none did

    @property
    def event_type(self) -> str:
        """Name the event type as `calcom_event_types` does: its id, or "[organization/](team/)owner/slug".

        A user and a team may have the same name, and types of the same slug.
        """
        if self.event_type_id is not None:
            return str(self.event_type_id)
        organization = f"{self.organization_slug}/" if self.organization_slug else ""
        owner = f"team/{self.team_slug}" if self.team_slug else self.username
        return f"{organization}{owner}/{self.event_type_slug}"


@dataclass(frozen=True, kw_only=True, eq=False)
class NewAppointment(RequestFields):
    """A request to be kept: pending, or held at once when `hold_reason` is given."""

    task_id: str = field(default_factory=lambda: str(uuid4()))
    uuid: UUID = field(default_factory=uuid4)
    hold_reason: HoldReason | None = None
    hold_until: datetime | None = None
    held_for: str | None = None
    number: int | None = None  # in its bulk, from 0; None: its place among the rows that are inserted with it
    requested_at: datetime | None = None  # None: now, in the order of the numbers
    resilience_strategy: str | None = None
    account: str | None = None  # its name; None: `default`
    callback_url: str | None = field(repr=False, default=None)  # its own; None: that of its API key
    only_if_first: bool | None = None  # True: unless somebody is ahead, where one may have its time

    @classmethod
    def of(cls, request: BookingRequest, number: int, *, api_key_id: int | None = None) -> Self:
        """Return the row of a request, the `number`th of its bulk, from 0."""
        return cls(
            **request.values(),
            idempotency_key=stored_key(request.idempotency_key or derive_key(request), api_key_id),
            key_derived=request.idempotency_key is None,
            payload_hash=payload_hash(request),
            correlation_id=request.correlation_id or correlation.current() or correlation.new(),
            number=number,
            account=request.account,
            api_key_id=api_key_id,
            only_if_first=request.only_if_first or None,
        )


def stored_key(key: str, api_key_id: int | None) -> str:
    """Return an idempotency key, given or derived, as it is stored: each API key has keys of its own.

    So no caller of the HTTP API learns of another one's booking, or takes its place, by a key that both have chosen.
    """
    return key if api_key_id is None else f"api{api_key_id}:{key}"


class Kept(NamedTuple):
    """The fields of a row that a receipt and a message need."""

    id: int
    task_id: str
    correlation_id: str
    status: Status
    hold_reason: HoldReason | None
    waits_for: HoldReason | None  # the same, but of one in line that of those before it
    updated_at: datetime
    retry_count: int
    idempotency_key: str  # a caller may have put anything into it
    key_derived: bool
    payload_hash: str
    cancel_requested: bool
    start_at: datetime
    booked_start_at: datetime | None
    awaits_host: bool | None
    requested_at: datetime
    reference: str  # its uuid, whatever type the caller's driver has for one
    ahead: int  # of those who asked for its time before, where one may have it
    account: str | None = None

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row whose columns are its fields, in their order."""
        number, task, correlation_id, status, reason, cause, *rest = row
        hold_reason = None if reason is None else HoldReason(reason)
        waits_for = None if cause is None else HoldReason(cause)
        return cls(number, task, correlation_id, Status(status), hold_reason, waits_for, *rest)

    def __repr__(self) -> str:
        """Name the row, and nothing that its caller has written."""
        return f"Kept(id={self.id}, status={self.status!r})"

    @property
    def is_wanted_again(self) -> bool:
        """Return whether a request for it takes back its cancel: it has a derived key. The same given key is a read."""
        return self.key_derived and self.cancel_requested and self.status in LIVE | {Status.CONFIRMED}


class Inserted(NamedTuple):
    """The result of one request.

    `created`: this call wrote the row. `conflict`: the given key stands for another request, and `appointment` is that.
    """

    appointment: Kept
    created: bool
    conflict: bool = False


class NotFirst(NamedTuple):
    """The result of a request wanted only as the first for its time: `ahead` are before it, and it is not stored."""

    ahead: int


_TAKES_ONE = f"/* schema */takes_one(account_id, {EVENT_TYPE})"
AHEAD = (
    "CASE WHEN ahead > 0 AND status IN ('pending', 'booking', 'retrying', 'held') AND NOT outcome_unknown"
    f" AND {_TAKES_ONE} THEN /* schema */asked_before(id, start_at, line_at, 99) ELSE 0 END AS ahead"
)
"""How many who asked for a booking's time before are on their way to it, where only one may have it; else 0.

Its row counts those whom its INSERT saw, whatever the event type takes: of the others nothing is asked.
"""

_SHOWN = {
    "hold_reason": f"{HELD_BY} AS hold_reason",
    "waits_for": "hold_reason AS waits_for",
    "reference": "CAST(uuid AS text) AS reference",
    "ahead": AHEAD,
    "account": "CASE WHEN account_id <> 1 THEN /* schema */calcom_account_name(account_id) END AS account",
}
_COLUMNS = ", ".join(_SHOWN.get(name, name) for name in Kept._fields)
_NEW_COLUMNS = _COLUMNS.replace(AHEAD, f"CASE WHEN ahead > 0 AND {_TAKES_ONE} THEN ahead ELSE 0 END AS ahead")
_UNREAD = (
    "EXISTS (SELECT FROM /* schema */change_wishes AS wish"
    " WHERE wish.appointment_id = appointments.id AND wish.kind = 'cancel')"
)
_ASKED = "coalesce(moved_key, idempotency_key) AS idempotency_key"  # by which it is known
_KNOWN_COLUMNS = _COLUMNS.replace("cancel_requested", f"cancel_requested OR {_UNREAD} AS cancel_requested")


def keep(rows: Sequence[NewAppointment], rule: KeepRule) -> Steps[list[Inserted | NotFirst]]:
    """Keep requests, those of known keys excepted, and return one answer for each, in the same order.

    A given key is known for ever, a derived one while its booking lives or is confirmed, at each start to which or from
    which that was moved. Of equal keys in one batch the first is kept. Blocks while another transaction is inserting
    one of the keys. A known booking of a derived key which is to be cancelled is wanted again: its cancel is taken
    back, also one that nobody has read yet. Its moves stay.
    """
    wanted: dict[_Key, NewAppointment] = {}
    for row in rows:
        wanted.setdefault(key_of(row), row)
    written, known, behind = yield from _keep(wanted, rule)
    unsaid = set(written)  # of equal keys, only the first answer says "created"
    answers = list[Inserted | NotFirst]()
    for row in rows:
        key = key_of(row)
        if key in behind:
            answers.append(behind[key])
            continue
        kept = written.get(key) or known[key]
        # A derived key is a hash of what makes a booking the same one: what else differs is no conflict.
        conflict = not row.key_derived and kept.payload_hash != row.payload_hash
        answers.append(Inserted(kept, created=key in unsaid, conflict=conflict))
        unsaid.discard(key)
    return answers


class _ByKeys(NamedTuple):
    written: dict[_Key, Kept]
    known: dict[_Key, Kept]
    behind: dict[_Key, NotFirst]


def _keep(wanted: dict[_Key, NewAppointment], rule: KeepRule) -> Steps[_ByKeys]:
    written: dict[_Key, Kept] = {}
    known: dict[_Key, Kept] = {}
    behind: dict[_Key, NotFirst] = {}
    for _ in range(ROUNDS):
        missing = [row for key, row in wanted.items() if key not in written and key not in known and key not in behind]
        if not missing:
            return _ByKeys(written, known, behind)
        turned_away = yield from _behind(missing, rule)
        new = [row for row in missing if key_of(row) not in turned_away]
        written |= _by_key((yield _insert(new, rule))) if new else {}
        unwritten = [row for row in missing if key_of(row) not in written]
        found = _by_key((yield _known(unwritten, rule))) if unwritten else {}
        found = {key: one for key, one in found.items() if key in wanted}  # the same key may be another account's, too
        behind |= {key: one for key, one in turned_away.items() if key not in found}
        cancelling = sorted({one.id for one in found.values() if one.is_wanted_again})
        known |= {key: one for key, one in found.items() if one.id not in cancelling}
        if cancelling:  # what a worker has cancelled meanwhile is missing, and read again
            taken = {one.id: one for one in map(Kept.read, (yield _take_back(cancelling, rule)))}
            again = {key: taken[one.id] for key, one in found.items() if one.id in taken}
            known |= {key: one._replace(idempotency_key=key[-1]) for key, one in again.items()}
    raise RuntimeError(f"a key was taken and given up again {ROUNDS} times while we tried to keep its request")


def _behind(rows: list[NewAppointment], rule: KeepRule) -> Steps[dict[_Key, NotFirst]]:
    """Read which of those that are wanted only as the first for their time are not."""
    only = [row for row in rows if row.only_if_first]
    if not only:
        return {}
    numbered = [replace(row, number=number) for number, row in enumerate(only)]
    found = yield Query(load("not_first", rule.schema), {"requests": _requests(numbered)})
    return {key_of(only[number]): NotFirst(ahead) for number, ahead in found}


def _requests(rows: list[NewAppointment]) -> str:
    given = [{name: value for name, value in vars(row).items() if value is not None} for row in rows]
    return _encode([{"number": n, **row} for n, row in enumerate(given)])


def _insert(rows: list[NewAppointment], rule: KeepRule) -> Query:
    return Query(
        load("insert", rule.schema, _NEW_COLUMNS), {"requests": _requests(rows), **rule.parameters}, bounded=True
    )


def _known(rows: list[NewAppointment], rule: KeepRule) -> Query:
    keys: dict[str, list[str | None]] = {"given": [], "derived": [], "accounts": list({row.account for row in rows})}
    for row in rows:
        keys["derived" if row.key_derived else "given"].append(row.idempotency_key)
    return Query(load("known_keys", rule.schema, _KNOWN_COLUMNS.replace("idempotency_key", _ASKED)), keys)


def _take_back(ids: list[int], rule: KeepRule) -> Query:
    return Query(load("take_back_cancel", rule.schema, _COLUMNS), {"ids": ids}, bounded=True)


def _by_key(rows: Rows) -> dict[_Key, Kept]:
    return {key_of(row): row for row in map(Kept.read, rows)}


def key_of(row: NewAppointment | Kept) -> _Key:
    """Return what distinguishes a request from others: its account, its key, and whether that is derived."""
    return row.account, row.key_derived, row.idempotency_key


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a time without its offset cannot be kept")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


_encode = json.JSONEncoder(default=_plain).encode  # made once: `json.dumps` would make one at each call
