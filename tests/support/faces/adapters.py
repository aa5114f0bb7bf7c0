"""The faces by which a booking is cancelled or moved, each as few lines: how it asks, and how it tells a refusal."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

from booking_client import Bookings
from db.lifecycle import ChangeStatus
from tasks import dependencies
from tasks.changes.ask.ask import AskOutcome
from tasks.maintenance.dispatch import dispatch
from tests.support.api.agents import briefly, vapi
from tests.support.api.served import Caller
from tests.support.faces.command_line import CommandLine
from tests.support.fleet import eventually
from tests.support.flower_pages import FlowerUnderTest
from tests.support.page.operating import recorded
from tests.support.refused_changes import LATER, REFUSALS, SPOKEN, Refusal
from worker import ChangeRefusedError, cancel_booking, outcome, reschedule_booking
from worker.api.problems import MEDIA_TYPE

SLOW = 503
_O = AskOutcome


@dataclass
class Face(ABC):
    """A face before the bookings of a record: `owner` are the columns of those that it may change."""

    record: Any
    owner: dict[str, Any] = field(default_factory=dict, kw_only=True)
    name: ClassVar[str]
    no_seat: ClassVar[str] = "no seat is free at the wanted start"  # what is heard of a move to a full time

    @abstractmethod
    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """Ask for a move, or (without a start) for a cancel, and return what was heard."""

    @abstractmethod
    def heard(self, row: Any) -> str:
        """Return what is heard later of the latest change, which wanted `LATER`."""

    def told(self, case: str) -> tuple[str, ...]:
        """Return what must be heard of a refusal."""
        return (REFUSALS[case].said,)

    def kept(self, refusal: Refusal) -> list[ChangeStatus]:
        """Return the changes that a refused wish leaves."""
        del refusal
        return []


class ByPython(Face):
    """`cancel_booking` and `reschedule_booking`."""

    name = "Python"

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        try:
            if start is None:
                return cancel_booking(row.id, account=account).said
            return reschedule_booking(row.id, start, account=account).said
        except ChangeRefusedError as refused:
            return f"{refused.outcome}: {refused}"

    def heard(self, row: Any) -> str:
        """As in Face."""
        now = outcome(row.id)
        return now.changes[-1].sentence if now is not None else ""

    def told(self, case: str) -> tuple[str, ...]:
        """As in Face."""
        return f"{REFUSALS[case].outcome}: ", *super().told(case)


@dataclass
class ByCommand(Face):
    """`booking cancel` and `booking reschedule`."""

    booking: CommandLine
    name = "command"

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        given = ["cancel", row.id] if start is None else ["reschedule", row.id, start.isoformat()]
        ran = self.booking(*given, *(["--account", account] if account else []))
        assert ran.code == (1 if ran.err else 0)
        return ran.said

    def heard(self, row: Any) -> str:
        """As in Face."""
        return self.booking("show", row.id).out


@dataclass
class ByClient(Face):
    """`Bookings` of booking_client; the dispatcher decides, and the outcome has the sentence."""

    bookings: Bookings
    name = "client"

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        named: dict[str, Any] = {"key": row.idempotency_key, "account": account} if account else {}
        named = named or {"appointment_id": row.id}
        try:
            asked = self.bookings.cancel(**named) if start is None else self.bookings.reschedule(**named, start=start)
        except (LookupError, ValueError) as refused:
            return str(refused)
        assert asked.status is ChangeStatus.WAITING
        dispatch(dependencies.current())
        return self.heard(row)

    def heard(self, row: Any) -> str:
        """As in Face."""
        now = self.bookings.outcome(row.id)
        return now.changes[-1].sentence if now is not None else ""

    def told(self, case: str) -> tuple[str, ...]:
        """As in Face."""
        refusal = REFUSALS[case]
        if refusal.outcome is _O.OTHER_ACCOUNT:
            return ("no booking has this id or key",)  # the key is one of the account that is named
        return ("is done",) if refusal.problem is None else (refusal.said,)

    def kept(self, refusal: Refusal) -> list[ChangeStatus]:
        """As in Face: who hears it later has the refused change."""
        if refusal.outcome in {_O.OTHER_ACCOUNT, _O.NO_OFFSET, _O.NOT_WHOLE}:
            return []
        return [ChangeStatus.DONE if refusal.problem is None else ChangeStatus.REFUSED]


@dataclass
class ByHttp(Face):
    """`POST /v1/bookings/{id}/cancel` and `/reschedule`; whose booking it is, is known by the key."""

    caller: Caller
    name = "HTTP"
    no_seat = ChangeStatus.REFUSED

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        del account
        what, body = ("cancel", {}) if start is None else ("reschedule", {"start": start.isoformat()})
        answer = self._answer("POST", f"/v1/bookings/{row.id}/{what}", json=body)
        assert answer.ok or answer.headers["Content-Type"] == MEDIA_TYPE
        told: str = answer.json()["say"] if answer.ok else answer.text
        return told

    def heard(self, row: Any) -> str:
        """As in Face."""
        answer = self._answer("GET", f"/v1/bookings/{row.id}")
        assert answer.ok, answer.text
        told: str = answer.json()["change"]["status"]
        return told

    def told(self, case: str) -> tuple[str, ...]:
        """As in Face."""
        problem = REFUSALS[case].problem
        return ("cancelled already" if problem is None else f'"/problems/{problem}"',)

    def _answer(self, method: str, path: str, **given: Any) -> Any:
        """Return the answer to a call, which is made again while a server is only slow: it is the same wish."""

        def call() -> Any:
            answer = self.caller.call(method, path, **given)
            return None if answer.status_code == SLOW else [answer]

        [answer] = eventually(call, what=f"{path} is answered")
        return answer


@dataclass
class ByPage(Face):
    """The page's actions: what is refused at any start is refused in the preview already, and each one is recorded."""

    flower: FlowerUnderTest
    name = "page"
    of_a_start: ClassVar = {_O.SAME_START, _O.PAST, _O.TAKEN_BY_OWN}
    of_cancels: ClassVar = {_O.ACCOUNT_CLOSED: "Nothing was done: its account is closed."}
    unread: ClassVar = {_O.NO_OFFSET, _O.NOT_WHOLE}  # no time: the body is refused, and no action recorded

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        del account
        about = {"action": "cancel" if start is None else "reschedule", "ids": [row.id]}
        wanted = {} if start is None else {"start": start.isoformat()}
        preview = self.flower.post("/resilience/actions/preview", about).json()["refused"]
        before = recorded(dependencies.current())

        body = {"request_id": str(uuid4()), "why": "Cal.com asked us to"} | about | wanted
        answer = self.flower.post("/resilience/actions", body)

        told: dict[str, str] = answer.json()
        new = recorded(dependencies.current())[len(before) :]
        if answer.status_code == 422:
            assert new == []
            return told["error"]
        [action] = new
        refused = told.get("error")
        assert (answer.status_code, action.refused) == (200 if refused is None else 409, refused)
        assert preview in {None, refused} or start is None
        when = "late" if preview is None else "previewed"
        [(became, count)] = action.outcomes.items()
        return f"{when}, {became} x {count}, {action.done} done: {told.get('text', refused)}"

    def heard(self, row: Any) -> str:
        """As in Face."""
        told: str = self.flower.get(f"/resilience/data/bookings/{row.id}").json()["changes"][0]["said"]
        return told

    def told(self, case: str) -> tuple[str, ...]:
        """As in Face."""
        refusal = REFUSALS[case]
        if refusal.outcome in self.unread:
            return "start: ", refusal.said
        when = "late" if refusal.outcome in self.of_a_start else "previewed"
        said = (
            self.of_cancels.get(refusal.outcome, "Nothing was done: it has ")
            if case.startswith("cancel")
            else refusal.said
        )
        return f"{when}, {refusal.outcome} x 1, 0 done: ", said


@dataclass
class ByVoice(Face):
    """A voice agent that names person and start, in a later call; it repeats a wish to hear what became of it."""

    caller: Caller
    name = "voice"
    no_seat = "is taken; your old time"

    def ask(self, row: Any, start: datetime | None, account: str | None = None) -> str:
        """As in Face."""
        del account
        named = {"email": row.attendee_email, "start": row.start_at.isoformat(timespec="seconds")}
        tool, wanted = ("cancel", {}) if start is None else ("reschedule", {"new_start": start.isoformat()})
        return briefly(vapi, self.caller, tool, named | wanted, "call-1").say

    def heard(self, row: Any) -> str:
        """As in Face."""
        return self.ask(row, LATER)

    def told(self, case: str) -> tuple[str, ...]:
        """As in Face."""
        return (SPOKEN[case],)


FACES: tuple[type[Face], ...] = (ByPython, ByCommand, ByPage, ByClient, ByHttp, ByVoice)
