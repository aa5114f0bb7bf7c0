"""The accounts of the part `accounts`: their names and keys, which of them were hurt and when, who asks for what."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from booking_client.request.model import BookingRequest
from db.monitoring.operator_actions import ActionRequest
from tasks.dependencies import Dependencies
from tasks.operations import accounts as operations
from tasks.operations.accounts import NewAccount
from tests.chaos import kinds
from worker.local.environment import SimulatedCalcom

if TYPE_CHECKING:
    from tests.chaos.accounts.judge import Period

DEFAULT = "default"
WATCH_HOLDS = """
CREATE TABLE fire_holds (booking bigint, account integer, reason text, at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION fire_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO public.fire_holds (booking, account, reason) VALUES (NEW.id, NEW.account_id, NEW.hold_reason);
    RETURN NULL;
END
$$;
CREATE TRIGGER fire_held AFTER UPDATE OF hold_reason ON appointments
FOR EACH ROW WHEN (NEW.status = 'held') EXECUTE FUNCTION fire_held();
"""
"""Writes down each hold of a booking, by the operator of Postgres: an event does not say for what."""
RATES = (None, 600, 1200)  # calls a minute: an account has its own limit, or that of the settings
CALCOMS = 3  # the first is CALCOM_BASE_URL's, where `default` is


def name_of(number: int) -> str:
    """Return the name of an account beside `default`."""
    return f"salon-{number}"


def key_of(account: str, turn: int) -> str:
    """Return one of the keys that an account has in turn; each is another user's, who sees every booking."""
    return f"cal_fire_{account}_{turn}"


def turn_of(number: int, accounts: int) -> int:
    """Return whose the request of this number is: one account's after the other; 0 is `default`."""
    return number % (accounts + 1)


def calcom_of(turn: int, accounts: int) -> int:
    """Return at which Cal.com an account is: neighbours are at one, so that they meet in its seats."""
    return turn * CALCOMS // (accounts + 1)


def request(number: int, accounts: int) -> BookingRequest:
    """Ask for what is of this number, for its account."""
    turn = turn_of(number, accounts)
    wanted = kinds.request(number)
    return wanted.model_copy(update={"account": name_of(turn)}) if turn else wanted


@dataclass
class FleetAccounts:
    """What is known of the accounts, apart from the product: the keys that each had, and when each was hurt."""

    names: dict[str, int] = field(default_factory=dict)  # the number of each
    keys: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # that an account may have called with
    turns: dict[str, int] = field(default_factory=dict)  # which key is its present one
    hurt: "dict[int, list[Period]]" = field(default_factory=lambda: defaultdict(list))
    at: dict[int, int] = field(default_factory=dict)  # at which Cal.com, of those beside the first
    down: "dict[int, list[Period]]" = field(default_factory=lambda: defaultdict(list))  # when such a Cal.com was

    def key(self, name: str) -> str:
        """Return an account's present key."""
        return key_of(name, self.turns[name])


def add(deps: Dependencies, calcoms: Sequence[SimulatedCalcom], count: int, own_key: str) -> FleetAccounts:
    """Add so many accounts beside `default`, whose key is `own_key`, to each Cal.com as many."""
    made = FleetAccounts({DEFAULT: 1}, turns={DEFAULT: 0})
    made.keys[1].add(own_key)
    for number in range(1, count + 1):
        name, place = name_of(number), calcom_of(number, count)
        know(calcoms[place], key_of(name, 0))
        base_url = calcoms[place].url if place else None
        wanted = NewAccount(name=name, base_url=base_url, calls_per_minute=RATES[number % len(RATES)])
        account = operations.add(deps, wanted, SecretStr(key_of(name, 0)), asked(), first=True)
        made.names[name], made.turns[name], made.at[account.id] = account.id, 0, place
        made.keys[account.id].add(key_of(name, 0))
    return made


def know(calcom: SimulatedCalcom, key: str, view: str = "all") -> None:
    """Have Cal.com know a key, or know it no more."""
    calcom.order("POST", "/_settings", {"keys": {key: view}})


def asked() -> ActionRequest:
    """Act as an operator does."""
    return ActionRequest(who="fire", via="command line", action="test", why="fire")


def now() -> datetime:
    """Return the time by this machine's clock, which Postgres shares."""
    return datetime.now(UTC)
