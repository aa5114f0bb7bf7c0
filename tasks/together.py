"""What threads ask at the same time is done together, by one of them; each has its own answer."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class _Turn(Generic[Q, A]):
    """A thread's question, and what it is told: its answer, an error, or that it leads the next group."""

    __slots__ = ("answer", "error", "leads", "question", "told")

    def __init__(self, question: Q) -> None:
        self.question = question
        self.told = threading.Event()
        self.leads = False
        self.answer: A | None = None
        self.error: BaseException | None = None


class Together(Generic[Q, A]):
    """Gather questions while a group of them is answered; else a question goes at once, as a group of one.

    No thread of its own: who finds nobody at work answers, and then has the first who waits answer the next group. So
    nothing of it can die alone, and who waits is a thread at work: a worker that ends waits for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Turn[Q, A]] = []
        self._at_work = False

    def ask(self, question: Q, answer: Callable[[Sequence[Q]], Sequence[A]]) -> A:
        """Return the answer to a question; `answer` returns one for each question of a group, in their order.

        Raises:
            BaseException: What `answer` raised, for each of its group.
        """
        mine: _Turn[Q, A] = _Turn(question)
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._at_work = not self._at_work, True
        if not mine.leads:
            mine.told.wait()  # for as long as the leader's servers are waited for
        if mine.leads:
            self._lead(answer)
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]  # it has one if it has no error

    def _lead(self, answer: Callable[[Sequence[Q]], Sequence[A]]) -> None:
        with self._lock:
            group, self._waiting = self._waiting, []
        try:
            for member, one in zip(group, answer([member.question for member in group]), strict=True):
                member.answer = one
        except BaseException as error:  # noqa: BLE001 - nobody may wait for ever, whatever ended this thread's work
            for member in group:
                member.error = error
        with self._lock:
            following = self._waiting[:1]
            self._at_work = bool(following)
        for member in following:
            member.leads = True
        for member in (*following, *group):
            member.told.set()
