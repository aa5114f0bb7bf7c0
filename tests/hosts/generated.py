"""A client that a program of others generates from the document of `booking serve`: it books, moves and cancels."""

from pathlib import Path

import psycopg
import requests
from psycopg import sql

from db import revisions
from db.engine import make_engine
from tests.hosts.environments import Environment, Wrong, command, plain
from tests.support.api.served import Serving
from worker.local.embedded import Servers

GENERATOR = ("openapi-python-client==0.29.1",)  # not in requirements/dev.lock: it needs an older typer than we have
DATABASE = "generated"
PROGRAM = """
import os
from datetime import datetime

from booking_api import AuthenticatedClient
from booking_api.api.default import book, booking, cancel, reschedule
from booking_api.models import Attendee, BookingRequest, CancelRequest, Problem, RescheduleRequest

client = AuthenticatedClient(base_url=os.environ["BOOKING_URL"], token=os.environ["BOOKING_KEY"])
start, later = (datetime.fromisoformat(f"2030-03-05T{hour}:00:00+01:00") for hour in (10, 12))
request = {
    "event_type_id": 101,
    "start": start.isoformat(),
    "attendee": {"name": "Pat Example", "email": "pat@example.com", "time_zone": "Europe/Berlin"},
}
booked = book.sync(client=client, body=BookingRequest.from_dict(request), idempotency_key="generated-1")
again = book.sync(client=client, body=BookingRequest.from_dict(request), idempotency_key="generated-1")
moved = reschedule.sync(booked.id, client=client, body=RescheduleRequest.from_dict({"start": later.isoformat()}))
stands = booking.sync(booked.id, client=client)
cancelled = cancel.sync(booked.id, client=client, body=CancelRequest.from_dict({"reason": "Pat is ill"}))
refused = reschedule.sync(booked.id, client=client, body=RescheduleRequest.from_dict({"start": start.isoformat()}))
assert again.id == booked.id, again
assert (moved.status.value, stands.start) == ("done", later), (moved, stands)
assert (cancelled.status.value, cancelled.kind.value) == ("done", "cancel"), cancelled
assert isinstance(refused, Problem) and refused.type_ == "/problems/ended", refused
"""


def judge_generated(environment: Environment, running: Servers) -> str:
    """Raise Wrong: no whole client can be generated, or it does not book, move and cancel."""
    environment.make()
    folder = environment.folder / "caller"
    folder.mkdir()
    with psycopg.connect(running.postgres.url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    url = running.postgres.url_of(DATABASE)
    engine = make_engine(url)
    revisions.upgrade(engine)
    with Serving({"DATABASE_URL": url, "REDIS_URL": running.valkey.url}, engine, folder) as serving:
        api = serving.start()
        _generate(environment, folder, requests.get(f"{api.url}/v1/openapi.json", timeout=60).text)
        given = plain() | {"BOOKING_URL": api.url, "BOOKING_KEY": api.key().key}
        command([environment.python, "-c", PROGRAM], cwd=folder, environment=given)
    engine.dispose()
    return "a client that is generated from our document books, moves and cancels"


def _generate(environment: Environment, folder: Path, document: str) -> None:
    (folder / "openapi.json").write_text(document, "utf-8")
    tools = environment.folder / "bin"
    wanted = ("generate", "--path", "openapi.json", "--output-path", "booking_api", "--meta", "none")
    given = plain()
    given["PATH"] = f"{tools}:{given['PATH']}"  # it formats what it writes
    said = command([tools / "openapi-python-client", *wanted], cwd=folder, environment=given)
    if "WARNING" in said or "Unable" in said:
        raise Wrong(f"the generated client lacks something:\n{said[-3000:]}")
