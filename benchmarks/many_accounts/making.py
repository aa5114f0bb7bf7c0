"""Many accounts in a benchmark's deployment: their rows, each with a key of its own, and requests for them."""

from collections.abc import Sequence

from cryptography.fernet import Fernet
from environment import some
from pydantic import SecretStr
from sqlalchemy import insert, text

from booking_client.request.model import BookingRequest
from db import accounts
from db.models.accounts import calcom_accounts
from db.sql import statement
from tasks import dependencies
from worker import enqueue_bookings
from worker.settings.model import Settings
from worker.wiring import build_from

ENCRYPTION = Fernet.generate_key().decode()
"""For the setting `account_encryption_keys` of the deployment."""
FIRST = 2  # the number of the first account beside `default`
PART = 100  # requests


def add(count: int, *, calls_per_minute: int | None = None) -> list[str]:
    """Add so many accounts beside `default`, and return their names; Cal.com is not asked about them."""
    deps = dependencies.current()
    service = deps.breaker.service
    keys = {number: SecretStr(f"cal_bench_{number}") for number in range(FIRST, FIRST + count)}
    rows = [
        {
            "id": number,
            "name": f"account-{number}",
            "service": service,
            "encrypted_key": deps.door.cipher.encrypt(key, account=number, service=service),
            "base_url": deps.door.address(None),
            "key_fingerprint": deps.door.client_for(None, key).key_fingerprint,
            "calls_per_minute": calls_per_minute,
        }
        for number, key in keys.items()
    ]
    with deps.engine.begin() as conn:
        conn.execute(insert(calcom_accounts), rows)
        conn.execute(statement("count_neighbours"), {"most": accounts.MOST_NEIGHBOURS})
    return [str(row["name"]) for row in rows]


def be_alone(settings: Settings, *, alone: bool) -> None:
    """Have `default` pass for the only account, or not; this process, a caller, forgets what it knows of accounts."""
    with dependencies.current().engine.begin() as conn:
        written = "UPDATE calcom_accounts SET alone = :alone, version = version + 1 WHERE id = 1"
        conn.execute(text(written), {"alone": alone})
    dependencies.current().engine.dispose()
    dependencies.fill(lambda: build_from(settings))


def ask(names: Sequence[str], first: int, count: int) -> None:
    """Ask for so many bookings, of each of the accounts in turn; without names of `default`.

    A hundred at once: of each account Redis is asked in turn how many messages may go, within the caller's patience.
    """
    wanted = some_of(names, first, count) if names else some(first, count)
    for begin in range(0, count, PART):
        enqueue_bookings(wanted[begin : begin + PART])


def some_of(names: Sequence[str], first: int, count: int) -> list[BookingRequest]:
    """Ask for slots of their own, numbered from `first`, for each of the accounts in turn."""
    wanted = enumerate(some(first, count))
    return [one.model_copy(update={"account": names[number % len(names)]}) for number, one in wanted]
