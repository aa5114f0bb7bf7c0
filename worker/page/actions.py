"""The page's actions: their preview, the action itself, its progress; and a booking's personal data, for a minute."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError
from tornado.web import HTTPError, authenticated

from db import appointments
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, OperatorAction
from tasks import dependencies
from tasks.accounts.services import Service
from tasks.changes.ask.ask import Via
from tasks.changes.ask.change import RESCHEDULE
from tasks.changes.resolve_booking import RESOLVE
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.operations import booking_actions, breaker_actions, preview
from tasks.operations.answers import answer
from tasks.operations.booking_actions import OtherActionError
from tasks.operations.breaker_actions import BreakerActionOutcome
from tasks.operations.calls import REVEAL, SHOWN
from tasks.operations.preview import Preview
from tasks.story.timeline import PERSONAL
from worker.page.asked import CALLS, ActionBody, PreviewBody, ShowBody, read
from worker.page.base import ActionHandler, PrivateHandler
from worker.page.data import forget_readings
from worker.page.query import asked_service, booking_id
from worker.page.reading import asking
from worker.page.resolve import resolve

T = TypeVar("T")
PATIENCE = 5.0  # seconds for all that one answer asks of Postgres: an action may take longer than a reading
SHOWN_ONE = 60  # seconds

log = Logger("page")


class PreviewAction(ActionHandler):
    """What an action would do, before an operator confirms it."""

    async def post(self) -> None:
        """Answer with what the action would do, and what its request must carry."""
        asked = read(self.request.body, PreviewBody)
        self.answer(asdict(await run(lambda deps: _preview(deps, asked))))


class Action(ActionHandler):
    """The page of all actions, and an action that an operator requests."""

    def prepare(self) -> None:
        """Leave a viewer who asks for the page to `authenticated`, which shows the way to the login."""
        if self.request.method not in {"GET", "HEAD"}:
            super().prepare()

    @authenticated
    def get(self) -> None:
        """Show the page."""
        self.render("actions.html")

    async def post(self) -> None:
        """Do the action, once for each request id, or begin it; answer with the result."""
        asked = read(self.request.body, ActionBody)
        who = self.who()
        try:
            action = await run(lambda deps: _act(deps, asked, who))
        except OtherActionError as other:
            raise HTTPError(409, str(other)) from None
        said = answer(action, ZoneInfo(asked.zone))
        if action.refused is not None:
            self.answer({"error": said}, 503 if BreakerActionOutcome.UNAVAILABLE in action.outcomes else 409)
        elif action.done_at is None:
            self.answer({"request_id": action.request_id, "text": said}, 202)
        else:
            self.answer({"done": True, "text": said})


class ActionProgress(PrivateHandler):
    """The progress of an action."""

    async def get(self, request_id: str) -> None:
        """Answer with how many bookings are done; `running`: this Flower is working on it."""
        running = UUID(request_id) in _running  # read first: it is removed only after its last booking is committed
        action = await run(lambda deps: booking_actions.found(deps.engine, UUID(request_id)))
        if action is None:
            raise HTTPError(404, "no action has this id")
        self.answer(
            {
                "total": len(action.ids or ()),
                "done": action.done,
                "moved_on": action.moved_on,
                "ended": action.done_at is not None,
                "running": running,
                "refused": action.refused is not None,
                "text": answer(action, ZoneInfo("UTC")),
            }
        )


class Who(ActionHandler):
    """A booking's personal data."""

    async def post(self, appointment_id: str) -> None:
        """Record that the operator looks at it, and answer with it."""
        asked = read(self.request.body, ShowBody)
        looks = ActionRequest(
            who=self.who(), via=Via.PAGE, action=REVEAL, why=asked.why, ids=(booking_id(appointment_id),)
        )
        fields = await run(lambda deps: _show(deps, looks))
        self.answer({"fields": fields, "seconds": SHOWN_ONE})


async def run(do: Callable[[Dependencies], T]) -> T:
    """Return what `do` returns, in a thread: Flower's loop waits for no server. The caller then reads what was done.

    Raises:
        HTTPError: 503, with a sentence: Postgres does not answer.
    """
    bounded = partial(asking, lambda: do(dependencies.current()), PATIENCE)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), bounded)
    finally:
        forget_readings()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="action")


def _preview(deps: Dependencies, asked: PreviewBody) -> Preview:
    if asked.ids is None:
        return preview.of_breaker_action(deps.at_service(_service(deps, asked).name), asked.action)
    if asked.action == RESOLVE:
        return preview.of_resolving(deps, asked.ids[0], done=asked.done)
    if asked.action == REVEAL:
        return preview.of_showing(asked.ids, SHOWN_ONE)
    if asked.action == CALLS:
        return preview.of_showing(asked.ids, SHOWN.total_seconds())
    zone = ZoneInfo(asked.zone)
    if asked.action == RESCHEDULE:
        return preview.of_change(deps, RESCHEDULE, asked.ids[0], zone=zone)
    return preview.of_bookings(deps, asked.action, asked.ids, not_booked=asked.not_booked, zone=zone)


def _service(deps: Dependencies, asked: PreviewBody) -> Service:
    if asked.service is None:
        return deps.services.own
    with deps.engine.connect() as conn:
        return asked_service(deps.services, asked.service, conn)


def _act(deps: Dependencies, asked: ActionBody, who: str) -> OperatorAction:
    """Do what `who` asks for, or begin it if it is for many bookings."""
    request = asked.by(who, breaker_actions.target_at(deps, _service(deps, asked)))
    if request.ids is None:
        return breaker_actions.carry_out(deps, request)
    action = booking_actions.begin(deps.engine, request)
    if action.done_at is None and (len(request.ids) > 1 or request.action == RESOLVE):
        _begin(deps, action)
        return action
    if request.action != RESOLVE:
        booking_actions.carry_out(deps, action)
    return booking_actions.found(deps.engine, action.request_id) or action


_running: set[UUID] = set()
_lock = threading.Lock()


def _begin(deps: Dependencies, action: OperatorAction) -> None:
    """Carry an action out in a thread; if this process ends first, the operator sends the action again."""
    with _lock:
        if action.request_id in _running:
            return
        _running.add(action.request_id)
    threading.Thread(target=_carry_out, args=(deps, action), name="bulk", daemon=True).start()


def _carry_out(deps: Dependencies, action: OperatorAction) -> None:
    try:
        (resolve if action.action == RESOLVE else booking_actions.carry_out)(deps, action)
    except SQLAlchemyError as exc:
        log.warning("action_broken_off", request_id=str(action.request_id), error=type(exc).__name__)
    finally:
        with _lock:
            _running.discard(action.request_id)


def _show(deps: Dependencies, looks: ActionRequest) -> dict[str, object]:
    """Return the personal fields of a booking, after the record of this look is committed."""
    [booking_id] = looks.ids or ()
    with deps.engine.begin() as conn:
        row = appointments.get(conn, booking_id)
        if row is None:
            raise HTTPError(404, f"no booking has the id {booking_id}")
        operator_actions.record(conn, looks, "shown")
    return {name: getattr(row, name) for name in PERSONAL}
