"""The call list: whom to call for up to fifty bookings, and the mark that a customer was called."""

from tornado.web import HTTPError

from db.monitoring.operator_actions import ActionRequest
from tasks.changes.ask.ask import Via
from tasks.operations import calls
from tasks.operations.booking_actions import OtherActionError
from tasks.operations.calls import CALL_LIST, REVEAL, SHOWN, CallListOutcome
from worker.page.actions import run
from worker.page.asked import CallListBody, MarkBody, read
from worker.page.base import ActionHandler


class CallList(ActionHandler):
    """The names, numbers and addresses of a call list."""

    async def post(self) -> None:
        """Record that the operator looks at them, and answer with them."""
        asked = read(self.request.body, CallListBody)
        looks = ActionRequest(
            who=self.who(),
            via=Via.PAGE,
            action=REVEAL,
            why=asked.why,
            target=CALL_LIST,
            ids=asked.ids,
            request_id=asked.request_id,
        )
        try:
            contacts = await run(lambda deps: calls.reveal(deps.engine, looks))
        except OtherActionError as other:
            raise HTTPError(409, str(other)) from None
        self.answer({"contacts": contacts, "seconds": SHOWN.total_seconds()})


class CalledMark(ActionHandler):
    """The mark that a booking's customer was called."""

    async def post(self, appointment_id: str) -> None:
        """Set the mark, or take it back; answer with the mark that is in force then."""
        asked = read(self.request.body, MarkBody)
        who, number = self.who(), int(appointment_id)
        marked = await run(
            lambda deps: calls.mark(deps.engine, number, who=who, via=Via.PAGE, take_back=asked.take_back)
        )
        if marked.outcome is CallListOutcome.MISSING:
            raise HTTPError(404, f"no booking has the id {appointment_id}")
        if marked.outcome is CallListOutcome.MARKED_BEFORE and marked.mark and marked.mark.who != who:
            self.answer({"error": f"{marked.mark.who} has called already", "called": marked.mark}, 409)
            return
        self.answer({"called": marked.mark})
