"""One booking's page: its state, why it does not move, and its story."""

import re
from collections.abc import Callable
from datetime import timedelta

from db.changes.change import BookingChange
from tasks.changes.ask.sentences import standing
from tasks.story.sentences import title
from tests.truth.claims.checks import done, in_state
from tests.truth.claims.grammar import Check, Part, Pattern, Seen, near
from tests.truth.record import Record

_AGE = re.compile(r", asked for [^,]+,")
_EVERY = timedelta(seconds=2)  # so often the page reads
# What a line about a booking begins with, and the state, or the hold reason, that it is of.
_WHY = {
    "It has waited": "pending",
    "Its message could not be sent": "pending",
    "A worker is calling Cal.com for it now": "booking",
    "Its worker is gone": "booking",
    "Whether it is booked is unknown": "retrying",
    "The last call failed and nothing was booked": "retrying",
    "The breaker was open when its turn came": "breaker_open",
    "It came while others waited": "in_line",
    "The limit of calls was reached": "throttled",
    "Cal.com's limit of calls was reached": "throttled",
    "Cal.com could not be reached": "unreachable",
    "Cal.com answered": "unreachable",
    "A call may still turn into a booking": "settling",
    "No call is at work for it any more": "settling",
    "It may be booked, and nothing proves": "blind_key",
    "Cal.com refuses the API key": "credentials",
    "Cal.com refuses the key of": "credentials",
    "What answered is not the Cal.com API": "configuration",
    "Its worker died": "suspect",
    "Done: Cal.com has booked it": "confirmed",
    "Not done yet": "confirmed",
    "Final: Cal.com refused it": "rejected",
    "Final: it was cancelled": "cancelled",
    "Retries are used up": "failed",
}
_LINE: dict[str, Callable[[Seen], bool]] = {
    "waits because Cal.com refuses our key; Cal.com is asked again each minute": done("refused key"),
    "waits because Cal.com refuses the key of salon-1; Cal.com is asked again at longer and longer intervals up to an"
    " hour, or `booking accounts rotate salon-1`": done("salon's key"),
    "waits because an operator holds all back": in_state("forced_open"),
    "waits because Cal.com is failing and left alone": in_state("open"),
    "waits for one booking, which tries whether Cal.com is back": in_state("half_open"),
    "moves, as fast as Cal.com and the limit take it": in_state("closed", "off"),
}


def _row(part: Part, holds: Callable[[dict[str, object]], bool]) -> bool | None:
    """Check the row of the booking whose page is open."""
    past = part.seen.world.between(part.seen.at - _EVERY - timedelta(seconds=3), part.seen.at)
    return past.was(part.seen.world.watched, holds)


def _state(part: Part) -> bool | None:
    status, _, reason = part.words.partition(": ")
    return _row(part, lambda row: (row["status"], row["hold_reason"] or "") == (status, reason.replace(" ", "_")))


def _why(part: Part) -> bool | None:
    state = _WHY[part.words]
    return _row(part, lambda row: state in {row["status"], row["hold_reason"]})


def _line(part: Part) -> bool:
    return _LINE[part.words](part.seen)


def _step(part: Part) -> bool | None:
    """Check that an event of this title happened at this moment; None: it is derived from another one."""
    words = part.words.lstrip("@| ").partition(" by ")[0].partition(" | ")[0]
    if words in {"asked for", "taken up"} or (words.startswith(("breaker ", "held ")) and " times " in words):
        return None

    def happened(record: Record) -> bool:
        return any(near(one["at"], part.at) and title(_Event(one["kind"])) == words for one in record.story)

    past = part.seen.world.between(part.seen.at - _EVERY - timedelta(seconds=3), part.seen.at)
    return (
        None if words.startswith("breaker ") else past.recorded(happened) if any(True for _ in past.records()) else None
    )


def _wish(part: Part) -> bool | None:
    """Check that a cancel or a move was asked for at this moment, by whom, and that it stands as its two lines say.

    None: nobody looked; or it has changed, perhaps to this and on between two snapshots.
    """
    head, _, said = part.words.partition(" | ")

    def is_it(one: BookingChange) -> bool:
        moments = [one.requested_at, *([one.wanted] if one.wanted else [])]
        return (
            head.startswith("@Move to @ " if one.wanted else "@Cancel ")
            and head.endswith(f" by {one.asked_by}, {one.via}")
            and len(moments) == len(part.moments)
            and all(near(shown.at, moment) for shown, moment in zip(part.moments, moments, strict=True))
        )

    def stands(one: BookingChange) -> bool:
        reason = f": {one.hold_reason.replace('_', ' ')}" if one.hold_reason else ""
        state = f" {one.status}{reason} by " in head
        return state and _AGE.sub("", said) == _AGE.sub("", standing(one, part.seen.at))

    since = part.seen.at - _EVERY - timedelta(seconds=3)
    records = list(part.seen.world.between(since, part.seen.at).records())
    found = [one for record in records for one in record.wishes if is_it(one)]
    if any(map(stands, found)):
        return True
    return None if not records or (found and found[-1].updated_at >= since) else False


class _Event:
    """An event that has only its kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


_BEGINS = "|".join(one.replace(".", r"\.") for one in _WHY)
_LINES = "|".join(one.replace(".", r"\.") for one in _LINE)
_CHECKS: dict[str, Check] = {"why": _why, "line": _line}

BOOKING = (
    Pattern(("state",), r"Booking \d+ (state:[a-z: ]+)(?: \|.*)?", {"state": _state}),
    Pattern(("state",), r"Booking \d+ Reading", {}),
    Pattern(("why",), rf"(why:{_BEGINS})\b.*?(?: Now the line (line:{_LINES})\.)?", _CHECKS),
    Pattern(("wish",), r"(wish:M(?:Cancel|Move to M) .+ \| Its .+)", {"wish": _wish}),
    Pattern(("step",), r"(step:M.*)", {"step": _step}),
)
