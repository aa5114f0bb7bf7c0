"""A revoke of Flower's is an operator's action like the others, once, however many workers hear it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from db.lifecycle import Status
from tasks.dependencies import Dependencies
from tasks.operations import revoke
from tests.support.page.operating import held, recorded


def test_what_flower_revokes_is_recorded_once(built: Dependencies, record: Any) -> None:
    """By the person that cancels it, and nothing for a booking that has ended."""
    rows = [held(record), record.claimed(), record.moved(Status.REJECTED)]

    with ThreadPoolExecutor(3) as workers:
        heard = [workers.submit(revoke.cancel, [row.task_id for row in rows], f"w{n}@test") for n in range(3)]
        for one in heard:
            one.result(30)

    actions = recorded(built)
    assert sorted((action.ids, dict(action.outcomes)) for action in actions) == [
        ((rows[0].id,), {"cancelled": 1}),
        ((rows[1].id,), {"cancelled_after_call": 1}),
    ]
    for action in actions:
        assert (action.who, action.via, action.action, action.why) == ("operator", "Flower", "cancel", "revoked")
        assert action.done_at is not None
