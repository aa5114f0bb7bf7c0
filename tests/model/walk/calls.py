"""Hold Cal.com's log to the claims of the events: every POST is somebody's, and no two change one uid at once."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from db.audits.doubles import INTENT
from db.lifecycle import OVER
from tasks.calcom.access import CREATE
from tests.model.changes.order import OpenChange, must_wait
from tests.model.walk.attempts import Result, result_of
from tests.model.walk.claims import LATEST, MOVED, SLACK, claimed_at, last_seen
from tests.model.walk.record import Call, Event, Record, Terms

BOOKINGS = "/v2/bookings"
VERBS = frozenset({"cancel", "reschedule"})
ON_ITS_WAY = (
    30.0  # seconds for which the network, or a frozen worker, may keep a POST back; promise 2 excepts longer ones
)


class Claim(NamedTuple):
    """When a worker may have sent POSTs for a row: `posts` as its event tells of them (None: the claim was lost)."""

    of: int
    since: float
    surely: float  # since then at the latest
    until: float
    posts: tuple[Result, ...] | None


class Wrong(NamedTuple):
    """What is wrong with a call."""

    booking: int
    at: float
    what: str
    why: str


def claim_of(event: Event, of: int, endpoints: Iterable[str], terms: Terms, before: float) -> Claim | None:
    """Return the claim that an event ends; None: it ends none. `before`: when the row came where it was claimed."""
    if "leases_lost" in event.detail:  # its last sign of life may be a renewal, after its POST
        seen = last_seen(event, terms, event.at)
        return Claim(of, before - SLACK, seen, event.moment("lease_ended_at"), None)
    if event.attempt is None:
        return None
    posts = tuple(result_of(call) for call in event.calls if call["endpoint"] in endpoints)
    return Claim(of, *claimed_at(event, before), event.at, posts)


class Phase(NamedTuple):
    """How a change stood from an event on, and the claim that this event has ended.

    `unknown`: its outcome certainly is. `posts`: it was certainly sent so often.
    """

    at: float
    status: str
    unknown: bool
    posts: int
    claim: Claim | None


Phases = Mapping[int, Sequence[Phase]]  # of each change


def judge(record: Record, phases: Phases) -> Iterator[Wrong]:
    """Yield every POST that no claim has sent, and each of a change that had to wait for another one then."""
    yield from _bookings(record)
    yield from _changes(record, phases)


# -- who has sent it -------------------------------------------------------------------------------------------------


def _bookings(record: Record) -> Iterator[Wrong]:
    numbers = {row["reference"]: number for number, row in record.bookings.items()}
    sent: dict[int, list[Call]] = defaultdict(list)
    for call in record.calls:
        if call.method == "POST" and call.path == BOOKINGS and call.reference in numbers:
            sent[numbers[call.reference]].append(call)
    for number, calls in sent.items():
        row, claims = record.bookings[number], []
        before = row["created_at"]
        for event in record.events.get(number, ()):
            if (claim := claim_of(event, number, {CREATE}, record.terms, before)) and "change" not in event.detail:
                claims.append(claim)
            before = event.at if event.kind in MOVED else before
        if (open_now := _at_work(row, number, record.terms)) is not None:
            claims.append(open_now)
        yield from (_nobodys(number, call) for call, claim in _senders(calls, claims) if claim is None)


def _changes(record: Record, phases: Phases) -> Iterator[Wrong]:
    owner: dict[str, int] = {}
    for number, row in record.bookings.items():
        owner |= dict.fromkeys((line.uid for line in record.lines.get(row["reference"], ())), number)
    of_uid: dict[str, list[Claim]] = defaultdict(list)
    for event in (one for events in record.events.values() for one in events if one.kind == INTENT):
        claim = Claim(0, event.at - SLACK, event.at, event.at + LATEST, None)
        of_uid[event.detail["uid"]].append(claim)
    for number, row in record.changes.items():
        told = [phase.claim for phase in phases.get(number, ())]
        claims = [claim for claim in (*told, _at_work(row, number, record.terms)) if claim]
        lines = record.lines.get(record.bookings[row["booking"]]["reference"], ())
        for uid in {row["from_uid"], *(line.uid for line in lines), *(line.moved_from for line in lines)}:
            of_uid[uid] += claims
    sent: dict[str, list[Call]] = defaultdict(list)
    for call in record.calls:
        uid, _, verb = call.path.removeprefix(f"{BOOKINGS}/").partition("/")
        if call.method == "POST" and verb in VERBS:
            sent[uid].append(call)
    open_of: dict[str, list[int]] = defaultdict(list)
    for number, row in record.changes.items():
        open_of[row["from_uid"]].append(number)
    for uid, calls in sent.items():
        for call, claim in _senders(calls, of_uid.get(uid, ())):
            if claim is None:
                yield _nobodys(owner.get(uid, 0), call)
            elif claim.posts is not None:
                yield from _at_once(record, phases, claim, [one for one in open_of[uid] if one != claim.of])


def _at_work(row: Mapping[str, Any], number: int, terms: Terms) -> Claim | None:
    """Return the claim of a worker that was ended with the run."""
    if row["status"] not in ("booking", "changing"):
        return None
    return Claim(number, row["updated_at"] - SLACK, row["updated_at"], row["updated_at"] + terms.lease, None)


def _senders(calls: Iterable[Call], of_row: Iterable[Claim]) -> Iterator[tuple[Call, Claim | None]]:
    """Yield the calls, in their order, each with the claim that sent it: a POST of a claim is one call at the most."""
    claims = sorted(of_row, key=lambda claim: claim.since)
    begun = [claim.since for claim in claims]
    used = Counter[int]()
    for call in calls:
        found = None
        for place in reversed(range(bisect_right(begun, call.at))):
            claim = claims[place]
            in_time = call.at <= claim.until + ON_ITS_WAY
            if in_time and (claim.posts is None or used[place] < len(claim.posts)):
                used[place] += 1
                found = claim
                break
        yield call, found


def _nobodys(booking: int, call: Call) -> Wrong:
    told = f"POST {call.path} at {call.at:.3f}, answered {call.status}"
    return Wrong(booking, call.at, told, "no claim was alive that says that it has sent it")


# -- two changes of one uid ------------------------------------------------------------------------------------------


def _at_once(record: Record, phases: Phases, claim: Claim, others: Sequence[int]) -> Iterator[Wrong]:
    """Say that a change was sent while another one of its uid was at work, or of unknown outcome, or came first."""
    booking = record.changes[claim.of]["booking"]
    before = [phase for phase in phases[claim.of] if phase.at < claim.until]
    if before and before[-1].unknown:
        return
    own = OpenChange(claim.of, booking, "", changing=False, unknown=False, posts=before[-1].posts if before else 0)
    for other in others:
        at_both = [_open_at(record, other, phases.get(other, ()), at) for at in (claim.since, claim.surely)]
        if all(one is not None and must_wait(own, [one]) for one in at_both):
            told = f"the POST of change {claim.of}, claimed at {claim.surely:.3f}"
            why = f"change {other} of the same uid is at work then, or of unknown outcome, or was asked for before"
            yield Wrong(booking, claim.surely, told, why)


def _open_at(record: Record, number: int, phases: Sequence[Phase], at: float) -> OpenChange | None:
    """Return another change as it certainly was at a moment; None: it was not asked for yet, or it was over."""
    place = bisect_right(phases, at, key=lambda phase: phase.at)
    near = [phase for phase in phases[max(place - 1, 0) : place + 1] if abs(phase.at - at) < SLACK]
    if not place or place == len(phases) or near or phases[place - 1].status in OVER:
        return None
    last, own = phases[place - 1], phases[place].claim
    changing = own is not None and own.posts is not None and own.surely < at < own.until
    return OpenChange(number, record.changes[number]["booking"], "", changing, last.unknown, last.posts)
