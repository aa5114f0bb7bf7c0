"""Send lines of booking requests in batches, and count the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from booking_client.database.errors import NOT_OPEN
from booking_client.insertion import NotFirst
from booking_client.receipts import Answer, Conflict, NotFirstError
from booking_client.request.messages import Problem
from booking_client.request.model import BookingRequest
from tasks.words import clock
from worker.cli.enqueue.json_lines import BadLine, GoodLine

BATCH = 200  # requests in one INSERT: a round trip costs more than a row

Send = Callable[[Sequence[BookingRequest]], Sequence[Answer]]
Complain = Callable[[str], object]


@dataclass
class Tally:
    """Count lines: `requests` = `accepted` + `duplicates` (already known) + `invalid` + those still `waiting`.

    `conflicts` and `not_first` are part of `invalid`: a key given before for another request; wanted only as the first
    for its time, and it is not. `moved` are part of `duplicates`: booked, and moved to another start at Cal.com.
    """

    requests: int = 0
    accepted: int = 0
    duplicates: int = 0
    invalid: int = 0
    conflicts: int = 0
    not_first: int = 0
    moved: int = 0


@dataclass
class Lines:
    """Send good lines in batches, report bad ones as `NAME:LINE field: why`, and count both."""

    name: str
    send: Send
    complain: Complain
    batch: int = BATCH
    account: str | None = None  # of the lines that name none
    is_open: Callable[[str], bool] = lambda _: True
    tally: Tally = field(default_factory=Tally)
    waiting: list[GoodLine] = field(default_factory=list)

    def take(self, line: GoodLine | BadLine) -> None:
        """Take one line; every `batch` good ones are sent."""
        if isinstance(line, BadLine):
            self._refuse(line)
            return
        names_one = "account" in line.request.model_fields_set  # `default` stands in it as None
        account = line.request.account if names_one else self.account
        if account is not None:
            if not self.is_open(account):
                self._refuse(BadLine(line.number, (Problem("account", NOT_OPEN),)))
                return
            line = replace(line, request=line.request.model_copy(update={"account": account}))
        self.tally.requests += 1
        self.waiting.append(line)
        if len(self.waiting) >= self.batch:
            self.flush()

    def flush(self) -> None:
        """Send the lines that wait.

        Raises:
            AppointmentDatabaseException: None of these lines was accepted; they still wait.
        """
        if not self.waiting:
            return
        answers = self.send([line.request for line in self.waiting])
        lines, self.waiting = self.waiting, []
        for line, answer in zip(lines, answers, strict=True):
            self._answer(line.number, line.request, answer)

    def _answer(self, number: int, request: BookingRequest, answer: Answer) -> None:
        if isinstance(answer, Conflict):
            self.tally.invalid += 1
            self.tally.conflicts += 1
            why = f"already stands for another request (appointment {answer.appointment_id})"
            self.complain(f"{self.name}:{number} idempotency_key: {why}")
        elif isinstance(answer, NotFirst):
            self.tally.invalid += 1
            self.tally.not_first += 1
            self.complain(f"{self.name}:{number} start: {NotFirstError(answer)}")
        elif answer.duplicate:
            self.tally.duplicates += 1
            if answer.start != request.start:
                self.tally.moved += 1
                self.complain(f"{self.name}:{number} start: booked, and moved at Cal.com to {clock(answer.start)}")
        else:
            self.tally.accepted += 1

    def _refuse(self, line: BadLine) -> None:
        if line.problems[0].field == "file":  # the file has no line at all
            self.complain(f"{self.name}: {line.problems[0].why}")
            return
        self.tally.requests += 1
        self.tally.invalid += 1
        for problem in line.problems:
            self.complain(f"{self.name}:{line.number} {problem.field}: {problem.why}")
