"""How long it takes to add 1,000 accounts, each by the operation of its command: Cal.com is asked whose key it is."""

import time
from collections.abc import Iterator

from environment import deployment
from many_accounts.making import ENCRYPTION
from pydantic import SecretStr

from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.operations import accounts
from tasks.operations.accounts import NewAccount

ACCOUNTS, AT_MOST = 1_000, 10.0  # seconds
QUICK = ("--rate-limit", "0", "--latency", "0", "0")


def pairs() -> Iterator[dict[str, float]]:
    """Add them once, one after the other, without a limit of calls: that is each key's own at Cal.com."""
    with deployment(simulator=QUICK, account_encryption_keys=ENCRYPTION) as ready:
        keys = [f"cal_bench_{number}" for number in range(ACCOUNTS)]
        ready.calcom.order("POST", "/_settings", {"keys": dict.fromkeys(keys, "host10")})
        begun = time.perf_counter()
        for key in keys:
            asked = ActionRequest(who="bench", via="command line", action=accounts.ADD, why="to measure it")
            wanted = NewAccount(name=key.replace("_", "-"))
            accounts.add(dependencies.current(), wanted, SecretStr(key), asked, first=True)
        yield {"accounts_added": (time.perf_counter() - begun) / AT_MOST}
