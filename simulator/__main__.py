"""Run the simulator: `python -m simulator --help`."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.instants import Clock
from simulator.server import Server
from simulator.state.default_types import DEFAULTS
from simulator.state.faults import KINDS, NAMED
from simulator.state.settings import Settings
from simulator.state.world import World

if TYPE_CHECKING:
    from simulator.state.event_types import EventType

LESSON = f"""\
keys:
  cal_test_owner    sees every booking          cal_test_blind    valid, sees none
  cal_test_<user>   of a host (cal_test_host4), of teamowner, teamadmin, teammember, stranger: what that user may see
  cal_test_admin    lists all by no role        cal_test_fickle   as the owner's, until it loses its permission
  cal_test_expired, cal_test_deleted, any other: 401
  no key: may book, may not list. More keys: POST /_settings {{"keys": {{"cal_x": "all"}}}}; "nothing" takes sight away

orders (any HTTP client; they meet no fault and stand in no journal):
  POST   /_faults       {{"kind": "status", "name": "database", "share": 0.2, "match": {{"path": "/v2/bookings"}}}}
  DELETE /_faults       end all faults, ?id=N one     GET /_faults   those in force, and the kinds
  GET    /_journal      every call, ?since=N          GET /_bookings every booking, ?reference=...
  GET    /_books        what became of each booking, seat and week, ?reference=...
  POST   /_persons      {{"do": "accept", "uid": "..."}}; also decline, cancel, move, reassign, correct, take_off
  POST   /_settings     {{"replica_lag": 1, "rate_limit": 0, "latency": [0.1, 0.3]}}; GET shows them all
  POST   /_event_types  {{"id": 301, "slug": "mine", "kind": "round_robin+seats", "hosts": ["host30", "host31"]}}
  PATCH  /_event_types  {{"id": 104, "hosts": ["host5"]}}    DELETE /_event_types?id=104
  PATCH  /_users        {{"username": "host4", "locked": true, "address": "Host4@example.test", "leads": ["host5"]}}
  DELETE /_users?username=host4    the account, with the bookings that it organizes
  POST   /_reset        as after the start

settings beside those of the command line: replica_lags [0.02, 8] (they answer in turn), lag_breaks_posts (a POST
  re-reads from the replica), total_one_too_high, seat_cancel_says_404, seat_move_loses, dedupe_takes_another,
  series_finds_living (shares), blocked_emails, guarded_emails, free_domains (whose addresses make bookings pending
  where a type confirms_free_email), keys, users

a fault's limits: share (0-1), count (calls), seconds, start_after (seconds),
  match {{method, path (a trailing * is a prefix), event_type_id, reference}}
fault kinds:
{chr(10).join(f"  {kind:19} {text}" for kind, text in KINDS.items())}
names for status, commit_then_status, answer_early and split: {", ".join(NAMED)}

event types:
{chr(10).join(f"  {each.id}  {each.slug:17} {each.kind:22} {each.length} min" for each in DEFAULTS if each.id < 200)}
  201-220  chair-1 ... chair-20: plain, a host each

try it:
  curl -s localhost:PORT/v2/bookings -H 'cal-api-version: 2024-08-13' -H 'Authorization: Bearer cal_test_owner' \\
    -H 'Content-Type: application/json' -d '{{"eventTypeId": 101, "start": "2030-03-01T09:00:00Z",
    "attendee": {{"name": "Ann Fake", "email": "ann@example.test", "timeZone": "Europe/Berlin"}}}}'
"""


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A Cal.com API v2 in memory that misbehaves on order.",
        epilog=LESSON,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    made.add_argument("--port", type=int, default=8730, help="port; 0 takes a free one (8730)")
    made.add_argument("--control-port", type=int, help="a second port for orders that no refuse fault closes; 0: any")
    made.add_argument("--seed", type=int, help="makes the draw of faults repeatable")
    made.add_argument("--latency", type=float, nargs="+", metavar="S", default=[0.0], help="work a call (0)")
    made.add_argument("--replica-lag", type=float, default=0, metavar="S", help="age of lists and GET by uid (0)")
    made.add_argument("--slots-cache", type=float, default=2, metavar="S", help="age of a kept answer of slots (2)")
    made.add_argument("--rate-limit", type=int, default=120, metavar="N", help="calls a window and key; 0: off (120)")
    made.add_argument("--rate-window", type=float, default=60, metavar="S", help="length of the window (60)")
    made.add_argument("--rate-block", type=float, default=60, metavar="S", help="shut out for so long (60)")
    made.add_argument(
        "--not-exclusive", nargs="+", default=[], metavar="ID", help="event types, or all, where every POST books"
    )
    made.add_argument("--exclusive", nargs="+", default=[], metavar="ID", help="event types where slots conflict")
    return made


def event_types(exclusive: list[str], not_exclusive: list[str]) -> tuple[EventType, ...]:
    """Apply --exclusive and --not-exclusive to the defaults."""
    made = []
    for default in DEFAULTS:
        named = default
        if {"all", str(default.id)} & set(not_exclusive):
            named = replace(named, exclusive=False)
        if {"all", str(default.id)} & set(exclusive):
            named = replace(named, exclusive=True)
        made.append(named)
    return tuple(made)


async def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    settings = Settings(
        latency=(arguments.latency[0], arguments.latency[-1]),
        replica_lag=arguments.replica_lag,
        slots_cache=arguments.slots_cache,
        rate_limit=arguments.rate_limit,
        rate_window=arguments.rate_window,
        rate_block=arguments.rate_block,
    )
    clock = Clock(time.monotonic, lambda: datetime.now(UTC))
    rng = random.Random(arguments.seed)  # noqa: S311 - chance for faults, not for secrets
    world = World(settings, clock, rng, event_types(arguments.exclusive, arguments.not_exclusive))
    server = Server(world)
    try:
        port, control = await server.open(arguments.host, arguments.port, arguments.control_port)
    except OSError as error:
        sys.stderr.write(f"simulator: cannot listen on {arguments.host}:{arguments.port}: {error.strerror}\n")
        return 1
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    orders = "" if control is None else f", orders also on http://{arguments.host}:{control}"
    sys.stdout.write(f"simulator listening on http://{arguments.host}:{port}{orders}\n")
    sys.stdout.flush()
    await ended.wait()
    return 0


def main() -> int:
    """Run from the command line. Returns the exit code."""
    return asyncio.run(run(parser().parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
