"""Admission: how many messages of each account may go now. What is denied waits in the row, not in the broker.

An account that is alone has no such bound: only the breaker is asked.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from booking_client.insertion import Kept, NewAppointment
from booking_client.request.model import BookingRequest
from db.lifecycle import HoldReason
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.view import BreakerView
from tasks.accounts.callers import Callers
from tasks.calcom.access import CREATE

Answer = Callable[[], int | None]
"""Waits until it is known how many messages may go; None: the breaker is open."""

ViewFor = Callable[[CallingAccount], BreakerView]
"""Returns the view of the breaker of an account's service."""


@dataclass
class AdmittedBatch:
    """What was asked for a batch of requests, by account."""

    view_for: ViewFor
    callers: Mapping[str | None, CallingAccount]
    answers: Mapping[str | None, Answer]
    admitted: dict[str | None, int] = field(default_factory=dict)

    def place(self, rows: Sequence[NewAppointment]) -> list[NewAppointment]:
        """Return the rows, held at once where the breaker is open or no more messages of their account may go now."""
        left = {name: answer() for name, answer in self.answers.items()}
        self.admitted = {name: count for name, count in left.items() if count is not None}
        placed = []
        for row in rows:
            may_go = left[row.account]
            if may_go is None:
                placed.append(replace(row, hold_reason=HoldReason.BREAKER_OPEN))
            elif may_go > 0:
                left[row.account] = may_go - 1
                placed.append(row)
            else:
                placed.append(replace(row, hold_reason=HoldReason.THROTTLED))
        return placed

    def give_back(self, sent: Iterable[Kept]) -> None:
        """Give back what was not used: others wait, so their line has it; or the requests were known."""
        used = Counter(one.account for one in sent)
        for name, caller in self.callers.items():
            unused = self.admitted.get(name, 0) - used[name]
            if unused > 0:
                self.view_for(caller).give_back_messages(CREATE, caller, unused)


def begin_admission(
    view_for: ViewFor, known: Callers, first: CallingAccount, requests: Sequence[BookingRequest]
) -> AdmittedBatch:
    """Ask for the messages of these requests; of one account, Redis answers while the caller does other work.

    `first` is account 1, which stands for an account that is not there.
    """
    wanted = Counter(getattr(request, "account", None) for request in requests)  # what is no request is refused later
    callers = known.named(wanted)

    def ask(name: str | None, count: int) -> Answer:
        caller = callers.get(name, first)
        return view_for(caller).begin_admission(CREATE, caller, count)

    if len(wanted) == 1:
        answers = {name: ask(name, count) for name, count in wanted.items()}
    else:  # a thread waits for one answer at a time
        answers = {name: partial(_now, ask, name, count) for name, count in wanted.items()}
    return AdmittedBatch(view_for, callers, answers)


def _now(ask: Callable[[str | None, int], Answer], name: str | None, count: int) -> int | None:
    return ask(name, count)()
