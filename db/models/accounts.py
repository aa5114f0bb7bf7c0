"""The table of the accounts at Cal.com: one API key each."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Self

from sqlalchemy import BigInteger, Boolean, Column, Identity, Integer, RowMapping, Table, Text, func, true

from db.models.bookings import MOMENT, EnumText, metadata, required

FIRST_VERSION = 1  # of account 1, as it is made: alone


class AccountState(StrEnum):
    """What an account may do; the comment beside each state says what ends it."""

    ACTIVE = "active"  # an operator
    PAUSED = "paused"  # an operator: nothing is called meanwhile, and bookings are held
    CLOSED = "closed"  # nobody: its key is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPace:
    """What says how fast an account's messages and calls may go: columns of its row, but no key."""

    id: int
    service: str
    key_fingerprint: str | None
    calls_per_minute: int | None
    alone: bool
    neighbours: int
    state: AccountState = AccountState.ACTIVE

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Read a row."""
        return cls(**{column.name: row[column.name] for column in fields(cls) if column.name in row})


# An API key at one Cal.com; account 1 is that of the settings.
calcom_accounts = Table(
    "calcom_accounts",
    metadata,
    Column("id", Integer, Identity(always=False, start=2), primary_key=True),
    required("name", Text),
    required("service", Text),  # of its Cal.com, by its address: breaker and record call it that
    Column("base_url", Text),  # never changes; null: CALCOM_BASE_URL
    Column("encrypted_key", Text),  # null: CALCOM_API_KEY, or closed
    Column("key_fingerprint", Text),
    Column("calls_per_minute", Integer),  # null: CALCOM_RATE_LIMIT_PER_MINUTE
    required("state", EnumText(AccountState), server_default="active"),
    required("alone", Boolean, server_default=true()),  # the only one here that is not closed
    required("neighbours", Integer, server_default="1"),  # open ones of its service with itself, up to MOST_NEIGHBOURS
    required("version", Integer, server_default="1"),  # grows with each change
    Column("user_id", BigInteger),  # of /v2/me
    required("created_at", MOMENT, server_default=func.now()),
    required("updated_at", MOMENT, server_default=func.now()),
)
