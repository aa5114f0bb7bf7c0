"""The cards: the state of each breaker and its calls as Redis has them, and what else stops calls."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from db.account_troubles import AccountTrouble
from resilience.call_stats.counts import Figures
from resilience.circuit_breaker.status import BreakerStatus, ScopeStatus
from resilience.circuit_breaker.types import Block, State
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.overview.outages import OutageLevel, outage_level

SERVICE, ENDPOINT, DATABASE = "service", "endpoint", "database"
UNKNOWN = "unknown"
COUNTED = timedelta(minutes=5)
"""For so long calls are counted."""


@dataclass(frozen=True, slots=True)
class Card:
    """A breaker and its calls of the last five minutes, or the database and its statements; None: unknown."""

    name: str
    kind: str
    state: str
    """closed, open, half_open, forced_open or off; unknown: Redis does not answer."""
    since: datetime | None = None
    next_at: datetime | None = None
    """When the next probe may go."""
    until: datetime | None = None
    """When an override ends."""
    by: str | None = None
    why: str | None = None
    calls: int | None = None
    failed: int | None = None
    calls_lately: int = 0
    """Of `calls`, those of the last `counts.LATELY` seconds."""
    average_ms: float | None = None
    last_call_at: datetime | None = None
    last_call_ms: float | None = None
    limit_left: int | None = None
    epoch: int = 0
    opens: int = 0
    """How many times in a row the breaker has opened; 0: only an override opened it."""
    probing: bool = False
    level: OutageLevel = OutageLevel.HEALTHY


@dataclass(frozen=True, slots=True)
class SharedView:
    """What the fleet shares in Redis; `shared` False: none of it is known."""

    shared: bool
    redis_answers: bool
    """A Redis that answers may still lack the breaker, which cannot be restored without Postgres."""
    cards: tuple[Card, ...]
    key_refused: bool = False
    """Whether Cal.com has refused the present key."""
    settings_wrong: bool = False
    """Whether the present settings lead to a server that is not Cal.com."""
    throttled_until: datetime | None = None
    """Until when no call is made after a 429."""
    block: Block = Block.UNKNOWN
    """What stops bookings now, and so what the line waits for."""
    release_window: int | None = None
    """How many held bookings may be under way at once."""

    @property
    def stops_default(self) -> AccountTrouble | None:
        """What stops the line of `default` by the settings' key or address; None: neither does."""
        if self.key_refused:
            return AccountTrouble.REFUSED
        return AccountTrouble.CONFIGURATION if self.settings_wrong else None

    @property
    def service(self) -> Card:
        """The service's card."""
        return self.cards[0]

    @property
    def counted_since(self) -> datetime | None:
        """Since when calls of Cal.com are counted: a breaker that closes begins the counts again; None: not known."""
        closed = (one.since for one in self.cards if one.kind != DATABASE and one.state == State.CLOSED and one.since)
        return max(closed, default=None)

    def counts_whole(self, card: Card, now: datetime) -> bool:
        """Return whether the counts of a card are those of the whole five minutes."""
        since = self.counted_since
        return card.kind == DATABASE or since is None or now - since >= COUNTED

    @property
    def database(self) -> Card:
        """The database's card."""
        return self.cards[-1]

    @property
    def booking(self) -> Card | None:
        """The card of the endpoint that makes bookings; None: nothing is known of it."""
        return next((card for card in self.cards if card.kind == ENDPOINT and card.name == CREATE), None)


def read_shared(deps: Dependencies) -> SharedView:
    """Read breakers and counts of calls from Redis; never raises because of Redis, and waits for it at most twice."""
    status = deps.breaker.get_status()
    if not status.shared and deps.breaker.view.redis_gone_for() is None:  # one answer was late: the next one decides
        status = deps.breaker.get_status()
    if not status.shared:
        unknown = Card(status.service, SERVICE, UNKNOWN), _database(deps, shared=False)
        return SharedView(shared=False, redis_answers=deps.breaker.view.redis_gone_for() is None, cards=unknown)
    calcom, now = deps.calcom, _moment(status.now)
    return SharedView(
        shared=True,
        redis_answers=True,
        cards=(*_breakers(deps, status), _database(deps, shared=True)),
        key_refused=calcom.key_fingerprint in status.blocked_keys,
        settings_wrong=calcom.settings_fingerprint in status.wrong_settings,
        throttled_until=now + timedelta(seconds=status.throttled_for) if status.throttled_for else None,
        block=status.block(CREATE, key=calcom.key_fingerprint, configuration=calcom.settings_fingerprint),
        release_window=status.window,
    )


def _breakers(deps: Dependencies, status: BreakerStatus) -> Iterator[Card]:
    health = deps.detector.get_health_status(status.service)
    level = outage_level(deps.detector.settings, health)
    figures = deps.breaker.calls.recent_by_endpoint()
    service = _card(status.service, SERVICE, status.breaker, figures[None], status.now)
    yield replace(service, level=level, limit_left=status.limit_left)
    never_moved = ScopeStatus(
        State.CLOSED, status.generation, 0.0, failures=0, opens=0, probing=False, since=status.generation
    )
    for name in sorted({CREATE, *status.endpoints}):
        scope = status.endpoints.get(name, never_moved)
        yield _card(name, ENDPOINT, scope, figures.get(name), status.now)


def _card(name: str, kind: str, scope: ScopeStatus, figures: Figures | None, now: int) -> Card:
    """Return a breaker's card; `figures` None: no call was made lately."""
    ends = _moment(now) + timedelta(seconds=scope.retry_after) if scope.retry_after else None
    return Card(
        name,
        kind,
        scope.state.value,
        since=_moment(scope.since) if scope.since else None,
        next_at=ends if scope.state is State.OPEN else None,
        until=ends if scope.state is State.FORCED_OPEN else None,
        calls=figures.calls if figures else 0,
        failed=figures.failures if figures else 0,
        calls_lately=figures.lately if figures else 0,
        average_ms=round(figures.average_ms) if figures and figures.calls else None,
        last_call_at=figures.last_call_at if figures else None,
        last_call_ms=figures.last_average_ms if figures else None,
        epoch=scope.epoch,
        opens=scope.opens,
        probing=scope.probing,
    )


def _database(deps: Dependencies, *, shared: bool) -> Card:
    """Return the card of Postgres by its counted statements; the card does not show whether Postgres answers now."""
    if not shared:
        return Card(deps.database_calls.service, DATABASE, UNKNOWN)
    health = deps.detector.get_health_status(deps.database_calls.service)
    calls = health.figures
    return Card(
        deps.database_calls.service,
        DATABASE,
        State.CLOSED.value,
        calls=calls.calls,
        failed=calls.total,
        average_ms=round(calls.average_ms, 1) if calls.calls else None,
        level=outage_level(deps.detector.settings, health),
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, tz=UTC)
