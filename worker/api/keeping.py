"""Requests that arrive at the same time are stored together: one INSERT, and one call of the limit a key."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from booking_client.receipts import Conflict, IdempotencyConflict, Receipt
from db.api_keys.keys import ApiKey
from resilience.call_limit import CallLimit
from resilience.exceptions import AppointmentDatabaseException
from tasks.callers.requests import CallerRequest
from tasks.enqueue import CallersRequest, enqueue_booking, enqueue_together
from worker.api.calls import HttpCall
from worker.api.concurrency.groups import Groups
from worker.api.concurrency.threads import Threads
from worker.api.metrics import counting
from worker.api.metrics.counting import Refusal
from worker.api.problems import ApiError


class Arrived(NamedTuple):
    """Hold a request and the key that it came with; `require_key` raises unless that is still in force."""

    request: CallerRequest
    key: ApiKey
    require_key: Callable[[], None]
    call: HttpCall


class Keeping:
    """Store the requests of one process."""

    def __init__(self, threads: Threads, limit: CallLimit) -> None:
        self._threads = threads
        self._groups: Groups[Arrived, Receipt | Conflict | None] = Groups(threads, partial(_keep, limit))

    async def keep(
        self, request: CallerRequest, key: ApiKey, require_key: Callable[[], None], call: HttpCall
    ) -> Receipt:
        """Count a call of a key, store its request, and return the receipt.

        Raises:
            ApiError: The key's rate is used up, it was revoked, or no thread was free in time; nothing was stored.
            IdempotencyConflict, CustomerValidationException, AppointmentDatabaseException: As `enqueue_booking`.
        """
        kept = await self._groups.ask(Arrived(request, key, require_key, call))
        if kept is None:
            return await self._threads.run(partial(_keep_alone, request, key, require_key))
        if isinstance(kept, Receipt):
            return kept
        raise IdempotencyConflict(kept)


def _keep_alone(request: CallerRequest, key: ApiKey, require_key: Callable[[], None]) -> Receipt:
    require_key()
    return enqueue_booking(request, api_key_id=key.id)


def _keep(limit: CallLimit, arrived: Sequence[Arrived]) -> "list[Receipt | Conflict | Exception | None]":
    """Return the result of each request that is within its key's rate, and the problem of each other one."""
    beyond = _beyond_rates(limit, arrived)
    unknown = _not_in_force([one for one, problem in zip(arrived, beyond, strict=True) if problem is None])
    refused = [problem or unknown.get(one.key.id) for one, problem in zip(arrived, beyond, strict=True)]
    within = [one for one, problem in zip(arrived, refused, strict=True) if problem is None]
    kept = iter(enqueue_together([CallersRequest(one.request, one.key.id) for one in within]))
    return [next(kept) if problem is None else problem for problem in refused]


def _not_in_force(arrived: Sequence[Arrived]) -> dict[int, ApiError | AppointmentDatabaseException]:
    """Return the problem of each key that was revoked, or could not be read again, by the key's id.

    Each key is asked for once, and none once Postgres was silent: the whole group waits for that.
    """
    problems: dict[int, ApiError | AppointmentDatabaseException] = {}
    keys = {one.key.id: one.require_key for one in arrived}
    for key, require in keys.items():
        try:
            require()
        except ApiError as problem:
            problems[key] = problem
        except AppointmentDatabaseException as silent:
            return problems | dict.fromkeys(keys.keys() - problems.keys(), silent)
    return problems


def _beyond_rates(limit: CallLimit, arrived: Sequence[Arrived]) -> list[ApiError | None]:
    """Count a call for each of these, all calls of a key at once; the last ones may be beyond its rate."""
    rates = {one.key.id: one.key.rate for one in arrived}
    calls = Counter(one.key.id for one in arrived)
    allowed = {key: limit.admit(f"key:{key}", rates[key], count) for key, count in calls.items()}
    seen = Counter[int]()
    problems: list[ApiError | None] = []
    for _, key, _, call in arrived:
        seen[key.id] += 1
        may_go, wait, left = allowed[key.id]
        call.rate = key.rate, left
        if seen[key.id] <= may_go:
            problems.append(None)
        else:
            counting.refused(Refusal.KEY_RATE)
            problems.append(ApiError("rate-limited", wait=wait))
    return problems
