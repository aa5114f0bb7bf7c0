"""`booking retry` and `booking cancel`: one command for each booking named."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine

from db.changes.change import SeriesPart
from db.lifecycle import HoldReason
from tasks.changes.ask.ask import AskOutcome, AskResult
from tasks.changes.ask.sentences import sentence_of
from tasks.operations import booking_actions
from worker.cli.named import named
from worker.cli.record import requested
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop

_SENTENCES: Mapping[AskOutcome, str] = {
    AskOutcome.SENT: "sent again.",
    AskOutcome.SENT_TO_LOOK_UP: "sent again. It is looked up at Cal.com first.",
    AskOutcome.NOT_RETRYABLE: "is {status}; only held and failed bookings can be tried again",
    AskOutcome.GOES_BY_ITSELF: "goes by itself",
    AskOutcome.ASKED_AGAIN: "was asked for again, and that newer booking lives or is confirmed",
    AskOutcome.FORGOTTEN: "names nobody any more: its person was forgotten",
}
_BLIND = (
    " This API key may never see that: look at Cal.com, then `booking cancel {id} --not-booked`, or "
    "`booking resolve {id} UID`."
)


def run(
    action: str,
    bookings: Sequence[str],
    *,
    not_booked: bool,
    why: str,
    reason: str | None = None,
    account: str | None = None,
    scope: str = "all",
    week: str | None = None,
) -> bool:
    """Send each booking again, or cancel it; print what became of each, and return whether all went that way.

    Raises:
        Stop: `scope` and `week` do not go together, or do not go with the rest.
    """
    given = {"reason": reason, "account": account, **_part(scope, week, alone=len(bookings) == 1 and not not_booked)}
    deps = ready()
    target = {"not_booked": not_booked} | {name: text for name, text in given.items() if text is not None}
    with listening(screen.note):
        meant = [_named(deps.engine, id_or_key) for id_or_key in dict.fromkeys(bookings)]
        ids = tuple(one for one in meant if isinstance(one, int))
        asked = requested(action, why=why, target=target, ids=ids)
        became = iter(booking_actions.carry_out(deps, booking_actions.begin(deps.engine, asked)) if ids else ())
    done = [(False, one) if isinstance(one, str) else _told(next(became)) for one in meant]
    for well, sentence in done:
        (screen.say if well else screen.note)(sentence)
    return all(well for well, _ in done)


def _part(scope: str, week: str | None, *, alone: bool) -> dict[str, str]:
    """Return the members of an action's target that say which weeks of a series are meant."""
    try:
        part = SeriesPart.of(scope, None if week is None else datetime.fromisoformat(week))
    except ValueError:
        raise Stop(
            "give --scope one or following with --week, the start of the week, as in 2030-03-05T10:00:00+01:00"
        ) from None
    if part is None:
        return {}
    if not alone:
        raise Stop("weeks are cancelled of one booking, without --not-booked")
    return {"scope": part.scope.value, "week": part.week.isoformat()}


def _named(database: Engine, id_or_key: str) -> int | str:
    """Return a booking's id, or why there is none: an unknown name must not stop the others."""
    try:
        with database.connect() as conn:
            return named(conn, id_or_key).id
    except Stop as unclear:
        return str(unclear)


def _told(result: AskResult) -> tuple[bool, str]:
    return result.done, f"{result.booking_id}: {_sentence(result)}"


def _sentence(result: AskResult) -> str:
    sentence = _SENTENCES.get(result.outcome) or sentence_of(result)
    if result.outcome is AskOutcome.CANCELLED_AFTER_LOOKUP and result.hold_reason is HoldReason.BLIND_KEY:
        sentence += _BLIND
    return sentence.format(id=result.booking_id, status=result.status, open_for=result.open_for)
