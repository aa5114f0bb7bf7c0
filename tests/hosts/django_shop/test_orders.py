"""The shop's pages, its migrations and its commands."""

import subprocess
import sys
from collections.abc import Callable

from django.test import Client

import worker  # noqa: F401 - it sets Django up


def manage(*arguments: str) -> str:
    """Run a command of the project, and return what it prints."""
    ran = subprocess.run([sys.executable, "manage.py", *arguments], capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def test_an_order_is_kept_if_and_only_if_it_is_committed(line: Callable[..., None]) -> None:
    """By a page of the shop."""
    from orders.models import Appointment

    kept, refused = Client().post("/orders/3"), Client().post("/orders/4?refused")

    assert (kept.status_code, refused.status_code) == (200, 402)
    orders = list(Appointment.objects.filter(id__in=(3, 4)).values_list("id", flat=True))
    assert orders == [3]
    line(kept.json(), refused.json(), orders, dict(kept.headers))


def test_its_migrations_are_its_own(line: Callable[..., None]) -> None:
    """Django sees no table and no change of somebody else's."""
    for command in ("showmigrations", "makemigrations --check --dry-run", "check", "inspectdb"):
        line(*manage(*command.split()).splitlines())
