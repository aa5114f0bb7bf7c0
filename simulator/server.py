"""Serve connections: read requests, write the journal, let orders and faults have their way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from functools import partial
from typing import TYPE_CHECKING

import h11

from simulator import api
from simulator.control.orders import Control
from simulator.http.messages import Call, Refusal, Request
from simulator.http.port import Port
from simulator.http.wire import Head, Wire
from simulator.instants import stamp
from simulator.misbehave import perform
from simulator.state.journal import reference_of

if TYPE_CHECKING:
    from simulator.state.journal import Entry
    from simulator.state.world import World

CHANGE = re.compile(r"/v2/bookings/([^/]+)/(?:cancel|reschedule)")


class Server:
    """The simulator on its ports: the API's, and if wished a second one that no fault ever closes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wires: dict[Wire, asyncio.Task[None] | None] = {}
        self._port = Port(self._serve, self._end_connections)
        self._orders = Port(partial(self._serve, ends_with_api=False), lambda _crash: None)
        self._control = Control(world, self._port)

    async def open(self, host: str, port: int, control_port: int | None = None) -> tuple[int, int | None]:
        """Listen. Returns the port numbers. Raises OSError."""
        number = await self._port.open(host, port)
        return number, None if control_port is None else await self._orders.open(host, control_port)

    def _end_connections(self, crash: bool) -> None:  # noqa: FBT001 - as the port calls it
        """Leave no connection open past its present call; in a crash end these calls, too, where they are."""
        for wire, task in list(self._wires.items()):
            wire.last = True
            if wire.idle:
                wire.close()
            elif crash and not wire.obeys and task is not None:
                wire.reset()
                task.cancel()
        for working in self._world.working if crash else ():
            working.cancel()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, ends_with_api: bool = True
    ) -> None:
        wire = Wire(reader, writer, self._world.clock.monotonic)
        if ends_with_api:
            self._wires[wire] = asyncio.current_task()
        try:
            while (head := await wire.head(self._world.settings.keep_alive)) is not None:
                await self._one(wire, head)
                if not wire.ready_for_next():
                    break
        except (ConnectionError, h11.ProtocolError):
            pass  # a client that speaks no HTTP, or has gone: nobody to tell
        except asyncio.CancelledError:
            pass  # the process ends
        finally:
            self._wires.pop(wire, None)
            wire.close()

    async def _one(self, wire: Wire, head: Head) -> None:
        wire.obeys = head.target.startswith("/_")
        if wire.obeys:
            await self._obey(wire, head)
            return
        world = self._world
        agent = head.headers.get("user-agent")
        entry = world.journal.begin(
            t0=head.began,
            at=stamp(world.wall_time(head.began)),
            method=head.method,
            target=head.target,
            agent=agent,
        )
        entry.key = api.key_of(head.headers)
        try:
            if early := world.faults.meet(entry, body_read=False):
                entry.fault = early[0].kind
                wire.reset()
                return
            body = await wire.body()
            if body is None:
                return
            call = Call(Request(head.method, head.target, head.headers, body), entry, world.now)
            self._identify(call)
            await perform(world, call, world.faults.meet(entry, body_read=True), wire)
        finally:
            entry.t1 = world.seconds

    async def _obey(self, wire: Wire, head: Head) -> None:
        body = await wire.body()
        if body is None:
            return
        request = Request(head.method, head.target, {**head.headers, "content-type": "application/json"}, body)
        call = Call(request, self._world.journal.unlisted(head.method, head.target), self._world.now)
        with contextlib.suppress(Refusal):
            api.read_body(call)
        await wire.write(b"".join(wire.encode(await self._control.answer(call))))

    def _identify(self, call: Call) -> None:
        """Write into the journal whose request it is, as far as it can be read; a change is of its booking's type."""
        entry: Entry = call.entry
        number: object = call.request.query.get("eventTypeId")
        with contextlib.suppress(ValueError):
            body = json.loads(call.request.body or b"{}")
            if isinstance(body, dict):
                number = body.get("eventTypeId", number)
                entry.reference = reference_of(body.get("metadata"))
        changed = CHANGE.fullmatch(call.request.path)
        if changed is not None and (booking := self._world.bookings.get(changed[1])) is not None:
            number = booking.event_type.id
        with contextlib.suppress(TypeError, ValueError):
            entry.event_type_id = int(number)  # type: ignore[call-overload]
