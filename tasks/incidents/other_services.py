"""What a health check observes of other Cal.coms than the settings', where accounts are at several."""

from collections.abc import Iterator

from db.account_troubles import AccountTroubles
from db.monitoring.incidents import IncidentKind
from resilience.circuit_breaker.types import State
from tasks.accounts.services import Service
from tasks.incidents.rules import Observation
from tasks.overview.outages import OutageLevel


def observe_other_services(accounts: AccountTroubles) -> Iterator[Observation]:
    """Observe each outage of another Cal.com than the settings', by the record; it holds its accounts' bookings."""
    for one in accounts.services:
        if one.state in {State.OPEN, State.HALF_OPEN}:
            facts = {
                "host": Service(one.service, one.base_url).host,
                "held": one.waiting,
                "where": "" if one.endpoint is None else f" ({one.endpoint})",
            }
            yield Observation(IncidentKind.OUTAGE, one.service, OutageLevel.DOWN, facts=facts)


def forced(accounts: AccountTroubles) -> frozenset[tuple[str, str | None]]:
    """Return the keys of the incidents of other Cal.coms that an operator's override hides."""
    return frozenset((IncidentKind.OUTAGE, one.service) for one in accounts.services if one.state == State.FORCED_OPEN)
