"""What is simulated, or was really run: the deployment, its load, its outage; and what each step of it costs."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from resilience.circuit_breaker.settings import BreakerSettings, Limits

MOST_REQUESTS = 500_000
MOST_THREADS = 1_000_000
MAY_BE_NONE = ("limit", "settle", "even", "window", "bulk", "errors", "spread", "lost")


@dataclass(frozen=True)
class Conditions:
    """A deployment and its day; seconds, and bookings a second.

    Raises:
        ValueError: What cannot be; the message names the figure.
    """

    workers: int = 2
    threads: int = 64
    """Of each worker process."""
    rate: float = 1.0
    """Requests a second."""
    latency: float = 0.5
    """That a call takes at Cal.com."""
    failing: float = 0.5
    """That a call takes which is answered 503."""
    limit: int = 100
    """CALCOM_RATE_LIMIT_PER_MINUTE; 0: none."""
    outage: float = 300.0
    open: float = 30.0
    """CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT."""
    threshold: int = 5
    """CIRCUIT_BREAKER_THRESHOLD."""
    window: int = 0
    """HOLD_RELEASE_MAX; 0: none."""
    settle: float = 130.0
    """CALCOM_SETTLE_SECONDS: how long an unclear call may still turn into a booking."""
    database_cores: int = 2
    before: float = 30.0
    """Of good weather before the outage."""
    after: float = 600.0
    """Of good weather after it, in which requests keep coming."""
    even: bool = False
    """Whether requests come at an even pace; else by chance, as customers do."""
    bulk: int = 0
    """Requests that come at once, in the middle of the outage."""
    errors: float = 0.0
    """The share of calls that are answered 500 by chance, whenever Cal.com works."""
    spread: float = 0.0
    """The share by which a call is longer or shorter, by chance."""
    lost: float = 0.0
    """The share of threads that are killed `lost_after` seconds after Cal.com is back."""
    lost_after: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        for one in fields(self):
            value = getattr(self, one.name)
            if not math.isfinite(value) or value < 0 or (value == 0 and one.name not in MAY_BE_NONE):
                raise ValueError(f"{one.name.replace('_', '-')}: must be above 0, not {value:g}")
        if self.workers * self.threads > MOST_THREADS:
            raise ValueError(f"workers, threads: {self.workers * self.threads:,} threads; {MOST_THREADS:,} at most")
        if self.requests > MOST_REQUESTS:
            raise ValueError(
                f"rate: {self.requests:,.0f} requests in {self.ends:g} s; {MOST_REQUESTS:,} at most: "
                "lower the rate, or shorten the outage, before or after"
            )

    @property
    def limits(self) -> Limits:
        """Return the numbers of the breaker."""
        return BreakerSettings(
            threshold=self.threshold,
            open_for=self.open,
            open_max=max(self.open, 600.0),
            rate_limit=self.limit,
            release_max=self.window,
        ).limits

    @property
    def back(self) -> float:
        """Return the moment at which Cal.com is back."""
        return self.before + self.outage

    @property
    def ends(self) -> float:
        """Return the moment at which requests stop."""
        return self.back + self.after

    @property
    def requests(self) -> float:
        """Return about how many requests come."""
        return self.rate * self.ends + self.bulk


@dataclass(frozen=True)
class Costs:
    """What a step takes, in seconds; the last three are CPU seconds that a message costs a busy fleet."""

    enter: float
    """From a request's message until its first call."""
    leave: float
    """From the answer of its last call until it is confirmed."""
    release: float
    """To read who is next, ask the breaker, move and send them; fitted, so that the drain is as fast as it was."""
    probe_lag: float
    """From the end of OPEN until the probe's call: release and enter are parts of it."""
    looks: float
    """Calls that read, before the second POST of a request whose first one is unclear."""
    worker: float
    database: float
    redis: float

    @classmethod
    def of(cls, known: dict[str, Any]) -> Self:
        """Read what a recording tells."""
        return cls(**{one.name: float(known[one.name]) for one in fields(cls)})

    def rounded(self) -> dict[str, float]:
        """Return them for a recording."""
        return {name: round(value, 5) for name, value in asdict(self).items()}
