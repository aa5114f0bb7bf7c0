"""The shop's endpoints and its migrations."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from main import api
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import Appointment, engine


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Hand out a client of the shop's, with one event loop."""
    with TestClient(api) as made:
        yield made


def alembic(*arguments: str) -> str:
    """Run a command of Alembic, and return what it prints."""
    ran = subprocess.run([sys.executable, "-m", "alembic", *arguments], capture_output=True, text=True, timeout=100)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.parametrize(("path", "number"), [("orders", 3), ("async-orders", 5)])
def test_an_order_is_kept_if_and_only_if_it_is_committed(
    client: TestClient, path: str, number: int, line: Callable[..., None]
) -> None:
    """By both endpoints."""
    kept, refused = client.post(f"/{path}/{number}"), client.post(f"/{path}/{number + 1}?refused=1")

    assert (kept.status_code, refused.status_code) == (200, 402)
    with Session(engine) as session:
        orders = session.scalars(select(Appointment.id).where(Appointment.id.in_((number, number + 1)))).all()
    assert orders == [number]
    line(kept.json(), refused.json(), orders, dict(kept.headers))


def test_its_schema_is_its_own(client: TestClient, line: Callable[..., None]) -> None:
    """OpenAPI shows the shop's endpoints, and Alembic sees no table and no change of somebody else's."""
    line(client.get("/openapi.json").json(), *alembic("current").splitlines(), *alembic("check").splitlines())
