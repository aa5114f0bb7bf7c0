"""`booking retry` and `booking cancel`: one command for each booking named."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from db.lifecycle import HoldReason, Status
from tasks.operations import booking_actions
from tasks.operations.booking_commands import CommandOutcome, CommandResult
from worker.cli.named import named
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop

_SENTENCES: Mapping[CommandOutcome, str] = {
    CommandOutcome.SENT: "sent again.",
    CommandOutcome.SENT_TO_LOOK_UP: "sent again. It is looked up at Cal.com first.",
    CommandOutcome.CANCELLED: "cancelled.",
    CommandOutcome.CANCELLED_AFTER_CALL: "its call to Cal.com is under way; it is cancelled if that does not book it.",
    CommandOutcome.CANCELLED_AFTER_LOOKUP: "it may be booked already; it is cancelled once a lookup has shown that it "
    "is not.",
    CommandOutcome.MISSING: "no booking has this id or key",
    CommandOutcome.MOVED_ON: "has just moved on by itself; look again with `booking show {id}`",
    CommandOutcome.NOT_RETRYABLE: "is {status}; only held and failed bookings can be tried again",
    CommandOutcome.GOES_BY_ITSELF: "goes by itself",
    CommandOutcome.ASKED_AGAIN: "was asked for again, and that newer booking lives or is confirmed",
    CommandOutcome.FORGOTTEN: "names nobody any more: its person was forgotten",
    CommandOutcome.STILL_OPEN: "a call may still turn into a booking for {open_for:.0f} s; look again after that",
    CommandOutcome.ENDED: "is {status} for good; nothing to cancel",
}
_ENDED: Mapping[Status | None, str] = {
    Status.CONFIRMED: "is booked at Cal.com; cancel it there (`booking show {id}`)",
    Status.FAILED: "has failed and nobody will try it; nothing to cancel",
}
_BLIND = (
    " This API key may never see that: look at Cal.com, then `booking cancel {id} --not-booked`, or "
    "`booking resolve {id} UID`."
)


def run(action: str, bookings: Sequence[str], *, not_booked: bool, why: str) -> bool:
    """Send each booking again, or cancel it; print what became of each, and return whether all went that way."""
    deps = ready()
    with listening(screen.note):
        meant = [_named(deps.engine, id_or_key) for id_or_key in dict.fromkeys(bookings)]
        ids = tuple(one for one in meant if isinstance(one, int))
        asked = requested(action, why=why, target={"not_booked": not_booked}, ids=ids)
        became = iter(booking_actions.carry_out(deps, booking_actions.begin(deps.engine, asked)) if ids else ())
    done = [(False, one) if isinstance(one, str) else _told(next(became)) for one in meant]
    for well, sentence in done:
        (screen.say if well else screen.note)(sentence)
    return all(well for well, _ in done)


def _named(database: Engine, id_or_key: str) -> int | str:
    """Return a booking's id, or why there is none: an unknown name must not stop the others."""
    try:
        with database.connect() as conn:
            return named(conn, id_or_key).id
    except Stop as unclear:
        return str(unclear)


def _told(result: CommandResult) -> tuple[bool, str]:
    return result.done, f"{result.booking_id}: {_sentence(result)}"


def _sentence(result: CommandResult) -> str:
    sentence = _SENTENCES[result.outcome]
    if result.outcome is CommandOutcome.ENDED:
        sentence = _ENDED.get(result.status, sentence)
    if result.outcome is CommandOutcome.CANCELLED_AFTER_LOOKUP and result.hold_reason is HoldReason.BLIND_KEY:
        sentence += _BLIND
    return sentence.format(id=result.booking_id, status=result.status, open_for=result.open_for)
