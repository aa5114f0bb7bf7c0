"""Take orders and tell what happened: the paths that begin with /_, which Cal.com does not have."""

from __future__ import annotations

from dataclasses import asdict
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from simulator.booking import deeds
from simulator.control.books import books
from simulator.http.messages import Answer, Call, Refusal, dump
from simulator.state.event_types import EventTypeError, from_order
from simulator.state.event_types import changed as changed_type
from simulator.state.faults import KINDS, OF_THE_PORT
from simulator.state.journal import reference_of
from simulator.state.settings import changed
from simulator.state.users import changed as changed_user
from simulator.state.views import public

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.http.port import Port
    from simulator.state.bookings import Booking
    from simulator.state.world import World


class Control:
    """The operator's side of the world and of the port that it listens on."""

    def __init__(self, world: World, port: Port) -> None:
        self._world = world
        self._port = port
        self._routes: dict[tuple[str, str], Callable[[Any, dict[str, str]], Any]] = {
            ("GET", "/_health"): lambda _body, _query: {"ok": True},
            ("GET", "/_faults"): lambda _body, _query: self._faults(),
            ("POST", "/_faults"): lambda body, _query: self._order(body),
            ("DELETE", "/_faults"): lambda _body, query: self._end(query),
            ("GET", "/_journal"): lambda _body, query: self._journal(query),
            ("GET", "/_bookings"): lambda _body, query: self._bookings(query),
            ("GET", "/_settings"): lambda _body, _query: asdict(world.settings),
            ("POST", "/_settings"): lambda body, _query: self._settings(body),
            ("GET", "/_event_types"): lambda _body, _query: self._event_types(),
            ("GET", "/_books"): lambda _body, query: {"books": books(world, query.get("reference"))},
            ("POST", "/_persons"): lambda body, _query: self._deed(body),
            ("POST", "/_event_types"): lambda body, _query: self._put_event_types(body),
            ("PATCH", "/_event_types"): lambda body, _query: self._change_event_type(body),
            ("DELETE", "/_event_types"): lambda _body, query: self._delete_event_type(query),
            ("PATCH", "/_users"): lambda body, _query: self._change_user(body),
            ("DELETE", "/_users"): lambda _body, query: self._delete_user(query),
            ("POST", "/_reset"): lambda _body, _query: self._reset(),
        }

    async def answer(self, call: Call) -> Answer:
        """Answer a call; a bad order is a 400 that says what is wrong with it."""
        route = self._routes.get((call.request.method, call.request.path))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return Answer(404, dump({"error": f"no such order; known are {known}"}))
        try:
            given = route(call.body, call.request.query)
            return Answer(200, dump(await given if isawaitable(given) else given))
        except (Refusal, ValueError) as error:
            return Answer(400, dump({"error": str(error)}))

    def _order(self, body: Any) -> dict[str, Any]:
        orders = body if isinstance(body, list) else [body]
        made = [self._world.faults.order(order) for order in orders]
        for fault in made:
            if fault.kind in OF_THE_PORT:
                self._port.refuse(fault.seconds or 0, start_after=fault.start_after, crash=fault.kind == "crash")
        return {"faults": [asdict(fault) for fault in made]}

    def _faults(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self._world.faults.listed()], "kinds": KINDS}

    def _end(self, query: dict[str, str]) -> dict[str, Any]:
        """End one fault, or all of them and what the port refuses."""
        if "id" in query:
            self._world.faults.end(int(query["id"]))
        else:
            self._world.faults.clear()
            self._port.listen_again()
        return {"faults": [asdict(fault) for fault in self._world.faults.listed()]}

    def _journal(self, query: dict[str, str]) -> dict[str, Any]:
        entries = self._world.journal.since(int(query.get("since", 0)))
        return {"entries": entries, "last": entries[-1]["n"] if entries else int(query.get("since", 0))}

    def _bookings(self, query: dict[str, str]) -> dict[str, Any]:
        rows = [_row(booking) for booking in self._world.bookings]
        if (reference := query.get("reference")) is not None:
            rows = [row for row in rows if reference in row["references"]]
        return {"bookings": rows}

    def _settings(self, body: Any) -> dict[str, Any]:
        self._world.settings = changed(self._world.settings, body)
        return asdict(self._world.settings)

    def _event_types(self) -> dict[str, Any]:
        return {"event_types": self._world.catalogue.listed()}

    def _put_event_types(self, body: Any) -> dict[str, Any]:
        for order in body if isinstance(body, list) else [body]:
            self._world.catalogue.put(from_order(order))
        return self._event_types()

    def _change_event_type(self, body: Any) -> dict[str, Any]:
        known = self._world.catalogue.get(int(body["id"])) if isinstance(body, dict) and "id" in body else None
        if known is None:
            raise EventTypeError("id must be one of an event type that there is")
        self._world.catalogue.put(changed_type(known, body))
        return self._event_types()

    def _delete_event_type(self, query: dict[str, str]) -> dict[str, Any]:
        if not self._world.delete_event_type(int(query.get("id", 0))):
            raise EventTypeError("id must be one of an event type that there is")
        return self._event_types()

    def _change_user(self, body: Any) -> dict[str, Any]:
        user = changed_user(self._world.user(str(body.get("username"))), body)
        self._world.users[user.username] = user
        return asdict(user)

    def _delete_user(self, query: dict[str, str]) -> dict[str, Any]:
        self._world.delete_user(query.get("username", ""))
        return {"ok": True}

    async def _deed(self, body: Any) -> dict[str, Any]:
        return {"bookings": [_row(booking) for booking in await deeds.order(self._world, body)]}

    def _reset(self) -> dict[str, Any]:
        self._world.reset()
        self._port.listen_again()
        return {"ok": True}


def _row(booking: Booking) -> dict[str, Any]:
    """Show a booking as the primary holds it, with every reference it carries, one a seat."""
    seated = booking.attendees if booking.lives else booking.former
    seats = [reference_of(attendee.metadata) for attendee in seated]
    found = seats if booking.event_type.seated else [reference_of(booking.metadata)]
    return {
        **public(booking),
        "exclusive": booking.event_type.exclusive,
        "kind": booking.event_type.kind,
        "allHosts": booking.hosts,
        "references": [reference for reference in found if reference],
    }
