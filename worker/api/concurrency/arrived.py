"""Calls of the API that arrive at the same time: counted together, and none is answered whose key may not."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from db.api_keys.keys import ApiKey
from resilience.call_limit import CallLimit
from resilience.exceptions import AppointmentDatabaseException
from worker.api.calls import HttpCall
from worker.api.metrics import counting
from worker.api.metrics.counting import Refusal
from worker.api.problems import ApiError

Q = TypeVar("Q")
A = TypeVar("A")


class Arrived(NamedTuple, Generic[Q]):
    """Hold a question and the key that it came with; `require_key` raises unless that is still in force."""

    question: Q
    key: ApiKey
    require_key: Callable[[], None]
    call: HttpCall


def answered(
    limit: CallLimit,
    arrived: Sequence[Arrived[Q]],
    answer: Callable[[Sequence[Arrived[Q]]], Sequence[A]],
) -> list[A | Exception]:
    """Return the answer to each question that is within its key's rate, and the problem of each other one.

    `answer` returns one for each, in their order.
    """
    beyond = _beyond_rates(limit, arrived)
    unknown = _not_in_force([one for one, problem in zip(arrived, beyond, strict=True) if problem is None])
    refused = [problem or unknown.get(one.key.id) for one, problem in zip(arrived, beyond, strict=True)]
    within = [one for one, problem in zip(arrived, refused, strict=True) if problem is None]
    answers = iter(answer(within) if within else ())
    return [next(answers) if problem is None else problem for problem in refused]


def _not_in_force(arrived: Sequence[Arrived[Q]]) -> dict[int, ApiError | AppointmentDatabaseException]:
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


def _beyond_rates(limit: CallLimit, arrived: Sequence[Arrived[Q]]) -> list[ApiError | None]:
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
