"""Hints of Cal.com's webhooks as they were stored, the time of their lookups, and what came of them."""

import json
from typing import Any

from tasks.calcom_webhooks import hints
from tasks.calcom_webhooks.looks import look_at_hints
from tests.support.callbacks.callers import sql
from tests.support.callbacks.webhooks import body


def told(trigger: str, uid: str | None, **more: Any) -> None:
    """Store a hint, as one that came 2 seconds ago."""
    stored(trigger, uid, **more)
    due()


def stored(trigger: str, uid: str | None, **more: Any) -> None:
    """Store a hint that comes now."""
    sent = body(trigger, uid or "", **more)
    hint = hints.read(1, sent, json.loads(sent))
    assert hint is not None
    hints.keep(hint)


def due() -> None:
    """Let the time of the next lookup come; no row was asked for lately."""
    sql("UPDATE calcom_webhooks SET next_at = now() WHERE next_at IS NOT NULL")
    sql("UPDATE appointments SET checked_at = NULL")


def looked(times: int = 1) -> Any:
    """Look at what is due so many times; return what came of the last hint (`outcome`)."""
    for number in range(times):
        if number:
            due()
        look_at_hints.run()
    return outcome()


def outcome() -> Any:
    """Return what came of the last hint, how many looks were counted, and whether it is over."""
    return sql("SELECT ROW(outcome, looks, next_at IS NULL)::text FROM calcom_webhooks ORDER BY id DESC LIMIT 1")


def asked(scene: Any) -> int:
    """Return how many calls Cal.com has had."""
    return len(scene.simulator.journal())


def now(scene: Any, row: Any) -> Any:
    """Read a row again."""
    return scene.record.read(row.id)
