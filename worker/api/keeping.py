"""Requests that arrive at the same time are stored together: one INSERT, and one call of the limit a key."""

from collections.abc import Callable, Sequence
from functools import partial

from booking_client.receipts import Answer, Receipt, told
from db.api_keys.keys import ApiKey
from resilience.call_limit import CallLimit
from tasks.callers.requests import CallerRequest
from tasks.enqueue import CallersRequest, enqueue_booking, enqueue_together
from worker.api.calls import HttpCall
from worker.api.concurrency.arrived import Arrived, answered
from worker.api.concurrency.groups import Groups
from worker.api.concurrency.threads import Threads


class Keeping:
    """Store the requests of one process."""

    def __init__(self, threads: Threads, limit: CallLimit) -> None:
        self._threads = threads
        self._groups: Groups[Arrived[CallerRequest], Answer | None] = Groups(
            threads, partial(answered, limit, answer=_kept)
        )

    async def keep(
        self, request: CallerRequest, key: ApiKey, require_key: Callable[[], None], call: HttpCall
    ) -> Receipt:
        """Count a call of a key, store its request, and return the receipt.

        Raises:
            ApiError: The key's rate is used up, it was revoked, or no thread was free in time; nothing was stored.
            IdempotencyConflict, NotFirstError, CustomerValidationException, AppointmentDatabaseException: As
                `enqueue_booking`.
        """
        kept = await self._groups.ask(Arrived(request, key, require_key, call))
        if kept is None:
            return await self._threads.run(partial(_keep_alone, request, key, require_key))
        return told(kept)


def _keep_alone(request: CallerRequest, key: ApiKey, require_key: Callable[[], None]) -> Receipt:
    require_key()
    return enqueue_booking(request, api_key_id=key.id)


def _kept(arrived: Sequence[Arrived[CallerRequest]]) -> list[Answer | None]:
    return enqueue_together([CallersRequest(one.question, one.key.id) for one in arrived])
