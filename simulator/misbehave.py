"""Carry out the faults that a call meets: the work, if any, and what reaches the client."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

from simulator import api
from simulator.http import shapes
from simulator.http.messages import Answer, Refusal
from simulator.state.faults import BESIDE_OTHERS
from simulator.state.steps import KilledError, SplitError

if TYPE_CHECKING:
    from simulator.http.messages import Call
    from simulator.http.wire import Wire
    from simulator.state.faults import Fault
    from simulator.state.world import World


async def perform(world: World, call: Call, met: list[Fault], wire: Wire) -> None:
    """Answer a call, or fail it as ordered. What was begun is finished even when the client has gone (seen)."""
    fault = next((each for each in met if each.kind not in BESIDE_OTHERS), None)
    call.at_steps = [each for each in met if each.kind in ("stall", "kill", "split")]
    call.entry.fault = "+".join(each.kind for each in met) or None
    for each in met:
        if each.kind == "latency" and not each.after:
            call.extra_work += world.rng.uniform(*each.delay)
    call.date_off = sum(each.by for each in met if each.kind == "date")
    if fault and fault.kind == "reset":
        wire.reset()
        return
    if fault and fault.kind == "hang":
        await wire.silence(fault.hold)
        wire.last = True
        return
    if fault and fault.kind in ("status", "html"):
        await world.work(call)
        await _send(world, call, wire, _ordered(world, call, fault))
        return
    if fault and fault.kind == "answer_early":
        await _answer_early(world, call, fault, wire)
        return
    try:
        answer = await api.answer(world, call)
    except KilledError:
        wire.reset()
        return
    except SplitError:
        if fault is None or fault.close:
            wire.reset()
        else:
            await _send(world, call, wire, _ordered(world, call, fault))
        return
    for each in met:
        if each.kind == "latency" and each.after:
            await asyncio.sleep(world.rng.uniform(*each.delay))
    await _spoil(world, call, answer, fault, wire)


async def _answer_early(world: World, call: Call, fault: Fault, wire: Wire) -> None:
    """Let a proxy give up on a server that works on: its answer, or a reset, and perhaps a booking later (seen)."""
    working = asyncio.create_task(_work_on(world, call))
    world.working.add(working)
    working.add_done_callback(world.working.discard)
    await asyncio.sleep(fault.early)
    if fault.status is None:
        wire.reset()
    else:
        await _send(world, call, wire, _ordered(world, call, fault))


async def _work_on(world: World, call: Call) -> None:
    with contextlib.suppress(KilledError, SplitError):
        await api.answer(world, call)


async def _spoil(world: World, call: Call, answer: Answer, fault: Fault | None, wire: Wire) -> None:
    """Send the answer of work that is done, or keep it back."""
    match fault.kind if fault else None:
        case "commit_then_hang":
            await wire.silence(fault.hold if fault else 0)
            wire.last = True
        case "commit_then_reset":
            wire.reset()
        case "commit_then_status":
            assert fault is not None  # noqa: S101 - the kind says so
            await _send(world, call, wire, _ordered(world, call, fault))
        case "cut_json" if fault and fault.close:
            half = answer.body[: len(answer.body) // 2]
            await _send(world, call, wire, answer, body=half, promised=len(answer.body))
        case "cut_json":
            await _send(world, call, wire, answer, body=answer.body[: len(answer.body) // 2])
        case "empty":
            await _send(world, call, wire, answer, body=b"")
        case _:
            await _send(world, call, wire, answer, drip=fault if fault and fault.kind == "drip" else None)


async def _send(
    world: World,
    call: Call,
    wire: Wire,
    answer: Answer,
    *,
    body: bytes | None = None,
    promised: int | None = None,
    drip: Fault | None = None,
) -> None:
    date = {
        "Date": format_datetime(world.now + timedelta(seconds=call.date_off), usegmt=True)
    }  # unless a fault's headers bring a proxy's own
    dated = replace(answer, headers=tuple({**date, **dict(answer.headers)}.items()))
    head, data = wire.encode(dated, body=body, promised=promised)
    call.entry.status = None if wire.client_gone else answer.status
    slow_head = drip is not None and drip.part in ("headers", "all")
    slow_body = drip is not None and drip.part in ("body", "all")
    if not drip:
        sent = await wire.write(head + data)
    else:
        sent = await (wire.drip(head, drip.gap) if slow_head else wire.write(head))
        sent = sent and await (wire.drip(data, drip.gap) if slow_body else wire.write(data))
    call.entry.whole = sent and promised is None


def _ordered(world: World, call: Call, fault: Fault) -> Answer:
    """Make the answer that a fault asks for."""
    status = fault.status or 502
    headers = tuple(fault.headers.items())
    if fault.retry_after is not None:
        headers += (("Retry-After", str(fault.retry_after)),)
    if fault.kind == "html" or (fault.shape or "C") == "C":
        page = shapes.proxy_page(status)
        return Answer(status, page.body, content_type=page.content_type, headers=headers)
    message = fault.message or shapes.EXCEPTIONS.get(status, ("", "Error"))[1]
    details = None if fault.code in ("BAD_REQUEST", "INTERNAL_SERVER_ERROR") else "standard"
    if fault.code == "ThrottlerException":
        details = message
    refusal = Refusal(status, message, shape=fault.shape or "A", code=fault.code, details=details)
    made = shapes.refusal_answer(refusal, path=call.request.target, now=world.now)
    return Answer(made.status, made.body, headers=headers)
