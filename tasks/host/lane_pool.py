"""Celery's pool of threads, with lanes: as many tasks at once as it is told, and some more that only write their end.

A booking's end is written with those of others, which is waited for. A thread that waits calls nobody, so another one
takes its lane: else a worker of eight threads would have six calls at Cal.com.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool

from tasks.host import lane

ENDING = 2  # lanes for one thread more


class LanePool(TaskPool):  # type: ignore[misc]  # Celery ships no types
    """Run tasks in threads; one that leaves its lane lets the next one in.

    With Redis its message is acknowledged then, by the consumer's loop, so that the next one is fetched: its row is
    claimed, and its lease is what is kept of it. RabbitMQ keeps the message.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.executor = ThreadPoolExecutor(max_workers=self.limit + max(1, self.limit // ENDING))
        self._lanes = threading.Semaphore(self.limit)
        self._keeps_messages = str(self.app.conf.broker_url).startswith(("amqp", "pyamqp"))

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **_: Any,
    ) -> ApplyResult:
        """Run a task once it has a lane."""
        return ApplyResult(self.executor.submit(self._run, target, args, kwargs, callback, accept_callback))

    def _run(self, target: Any, args: Any, kwargs: Any, callback: Any, accept_callback: Any) -> Any:
        request = None if self._keeps_messages else getattr(callback, "__self__", None)
        self._lanes.acquire()
        lane.take(partial(self._left, request))
        try:
            return apply_target(target, args, kwargs, callback, accept_callback)
        finally:
            if lane.give_back():
                self._lanes.release()

    def _left(self, request: Any) -> None:
        self._lanes.release()
        if request is not None:
            request.acknowledge()
