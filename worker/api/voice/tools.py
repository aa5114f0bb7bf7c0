"""The tools of an agent: one table for all envelopes. To add one is to add its entry, and its schema."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from booking_client.receipts import NotFirstError
from booking_client.request.model import BookingRequest
from db.api_keys.keys import Scope
from db.appointments.views import BookingView
from db.lifecycle import Status
from resilience.exceptions import CustomerValidationException
from tasks.callers.languages import OR, language_of
from tasks.callers.sentences import not_accepted, say, somebody_is_first, spoken, spoken_together
from tasks.changes.ask.ask import AskOutcome
from tasks.changes.ask.by_caller import ChangeOfCaller
from tasks.changes.ask.spoken import SaidOfChange, say_change, sentence
from tasks.conversations import booking, changing
from tasks.conversations.changing import ChangeInCall
from tasks.conversations.conversation import Conversation
from tasks.conversations.wanted import SECONDS as SECONDS_WANTED
from tasks.conversations.wanted import WantedReading
from tasks.slots.free import SECONDS, SlotsQuestion
from worker.api.concurrency import readings
from worker.api.gate import Admitted
from worker.api.problems import ApiError
from worker.api.slots.resource import within
from worker.api.voice.arguments import Arguments, UnclearError
from worker.api.voice.sentences import OUTCOMES, Asked, ToolOutcome, asked_in

MOST_TIMES = 3  # that are named at once: who listens remembers no more
_OF_TYPE = frozenset({Asked.CONTACT, Asked.WANTS_EMAIL, Asked.WANTS_PHONE, Asked.QUESTION})  # as far as it is known


@dataclass(frozen=True, slots=True)
class ToolUse:
    """Hold one use of a tool: by whose key, in which call, with which arguments; `left` seconds for it."""

    admission: Admitted
    conversation: Conversation
    arguments: Arguments
    left: float


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what is answered: a sentence, or a booking or a change that has one and may settle yet.

    `outcome`: of a sentence that tells of no booking. `again`, `is_moved` as in `say`.
    """

    sentence: str | None = None
    outcome: ToolOutcome = ToolOutcome.NOT_DONE
    view: BookingView | None = None
    change: ChangeOfCaller | None = None
    again: bool = False
    is_moved: bool = False

    def say(self, language: str) -> str:
        """Return the sentence."""
        if self.change is not None:
            return say_change(self.change, language)
        if self.sentence is not None or self.view is None:
            return self.sentence or asked_in(language, Asked.CANNOT)
        return say(replace(self.view, language=language), again=self.again, is_moved=self.is_moved)


def ask(asked: Asked, language: str, **values: str) -> Told:
    """Return a sentence that tells of no booking."""
    return Told(asked_in(language, asked).format(**values), OUTCOMES[asked])


def not_stored(language: str) -> Told:
    """Return the sentence for what was not stored."""
    return Told(not_accepted(language), ToolOutcome.NOT_ACCEPTED)


class Tool(NamedTuple):
    """Hold what a tool needs of its key, and its work."""

    scope: Scope
    run: Callable[[ToolUse], Awaitable[Told]]


async def book(use: ToolUse) -> Told:
    """Book; a repeat gets its booking, and a second booking of the call is asked about first.

    Where the address says `only_if_first`, a time that one may have and somebody wants already is not queued for.
    """
    asked, is_counted = await _asked_for(use)
    work = partial(booking.book, use.conversation, asked, another=use.arguments.another)
    try:
        made = await (use.admission.run_uncounted(work) if is_counted else use.admission.run(work))
    except CustomerValidationException:  # the request was checked before, so it is its account alone
        return ask(Asked.CLOSED, use.arguments.language)
    except NotFirstError:
        return Told(somebody_is_first(asked.start, asked.attendee.time_zone, use.arguments.language), ToolOutcome.ASKED)
    if not made.second:
        if made.change is not None:
            return Told(change=made.change)
        return Told(view=made.view, again=made.again, is_moved=made.again and made.view.start != asked.start)
    language = use.arguments.language
    time = spoken(made.view.start, made.view.time_zone, language)
    question = Asked.ONCE_MORE if made.view.status is Status.CANCELLED else Asked.SECOND
    if made.change is not None:
        question = Asked.KEEP
    return ask(question, language, time=time)


async def _asked_for(use: ToolUse) -> tuple[BookingRequest, bool]:
    """Return the request, and whether its call is counted: Cal.com was asked what a booking of its type must have.

    Raises:
        UnclearError: Something is missing or wrong. What the arguments alone show is asked for first, without a call.
        ApiError: As `Admitted.run`.
    """
    kind = use.conversation.event_type
    reading = WantedReading(use.conversation.key, kind)
    try:
        asked = use.arguments.request(kind, reading.known)
    except UnclearError as unclear:
        if unclear.asked not in _OF_TYPE or not reading.is_due:
            raise
    else:
        if not reading.is_due:
            return asked, False
    await use.admission.run(int)
    answer = reading.asked()
    if reading.known is None:
        await readings.within(answer, min(SECONDS_WANTED, use.left / 2))
        reading.waited()
    return use.arguments.request(kind, reading.known), True


async def status(use: ToolUse) -> Told:
    """Say how the booking is that the caller means; a change of it that is under way is what it says."""
    email, phone = use.arguments.person()
    start = use.arguments.start
    known = await use.admission.run(changing.status, use.conversation, email=email, phone=phone, start=start)
    return _of_change(use, known)


async def slots(use: ToolUse) -> Told:
    """Name the next free times, of the day that is named or of the days to come."""
    await use.admission.run(int)
    arguments, now = use.arguments, datetime.now(UTC)
    begin, end = arguments.period(now)
    if end <= now:
        raise UnclearError(Asked.START)
    begin = max(begin, now)
    key = use.conversation.key
    question = SlotsQuestion(use.conversation.event_type, begin, end, key.account_id, key.account)
    language, zone = arguments.language, arguments.time_zone(begin).key
    free = await within(question, min(SECONDS, use.left))
    if free is None:
        return ask(Asked.NOT_SEEN, language)
    times = spoken_together(free.starts[:MOST_TIMES], zone, language)
    if not times:
        return ask(Asked.NOTHING_FREE, language)
    told = f" {OR[language_of(language)]} ".join(part for part in (", ".join(times[:-1]), times[-1]) if part)
    return ask(Asked.FREE if len(times) > 1 else Asked.ONE_FREE, language, times=told)


async def cancel(use: ToolUse) -> Told:
    """Cancel the booking that the caller means."""
    email, phone = use.arguments.person()
    start = use.arguments.start
    made = await use.admission.run(changing.cancel, use.conversation, email=email, phone=phone, start=start)
    return _of_change(use, made)


async def reschedule(use: ToolUse) -> Told:
    """Move the booking that the caller means; what Cal.com has not moved in the agent's time is noted."""
    email, phone = use.arguments.person()
    start, wanted = use.arguments.start, use.arguments.new_start
    move = partial(changing.reschedule, use.conversation, wanted)
    return _of_change(use, await use.admission.run(move, email=email, phone=phone, start=start))


_REFUSED: Mapping[AskOutcome, Asked] = MappingProxyType(
    {
        AskOutcome.PAST: Asked.START,
        AskOutcome.OVER: Asked.OVER,
        AskOutcome.SERIES: Asked.SERIES,
        AskOutcome.TAKEN_BY_OWN: Asked.OWN,
        AskOutcome.MOVED_ON: Asked.STILL_AT_IT,
        AskOutcome.KEY_REUSED: Asked.DETAILS,
        AskOutcome.MISSING: Asked.WHICH,
        AskOutcome.ACCOUNT_CLOSED: Asked.CLOSED,
    }
)
_STANDS_SO: Mapping[AskOutcome, SaidOfChange] = MappingProxyType(
    {
        AskOutcome.BEING_CANCELLED: SaidOfChange.CANCEL_NOTED,
    }
)


def _of_change(use: ToolUse, made: ChangeInCall | None) -> Told:
    language = use.arguments.language
    if made is None:
        named = use.arguments.start is not None and any(use.arguments.person())
        return ask(Asked.NOT_FOUND if named else Asked.WHICH, language)
    if made.change is not None:
        return Told(change=made.change)
    if made.refused is None:
        return Told(view=made.view)
    if made.refused in _STANDS_SO and made.view.status is Status.CONFIRMED:
        return Told(sentence(_STANDS_SO[made.refused], made.view, None, language), view=made.view)
    return ask(_REFUSED[made.refused], language) if made.refused in _REFUSED else Told(view=made.view)


TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "book": Tool(Scope.BOOK, book),
        "status": Tool(Scope.READ, status),
        "cancel": Tool(Scope.CHANGE, cancel),
        "reschedule": Tool(Scope.CHANGE, reschedule),
        "slots": Tool(Scope.BOOK, slots),
    }
)


def require_tool(name: str) -> None:
    """Raise ApiError (404) unless there is a tool of this name."""
    if name not in TOOLS:
        raise ApiError("no-such-tool", f"There are {', '.join(TOOLS)}.")
