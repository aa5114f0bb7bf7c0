"""Every figure of `make bench`: what it says, which way is better, what it must be, and where it is measured.

A figure is a ratio of two things measured in one run, in turns, so that it says the same on a slow machine and on a
busy one. The module that measures it has `pairs()`: it yields, a pair after the other, each ratio by the figure's name.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """`must` is where a promise ends, `aim` what we want.

    `waits`: it takes minutes that no core makes shorter, and is measured beside others of that kind.
    """

    name: str
    module: str
    better: Literal["higher", "lower"]
    must: float
    aim: float
    what: str
    waits: bool = False

    def is_kept(self, ratio: float) -> bool:
        """Say whether a ratio is what it must be."""
        return ratio >= self.must if self.better == "higher" else ratio <= self.must


FIGURES = (
    Figure("throughput", "beside_celery.throughput", "higher", 0.95, 1.0, "bookings a second / plain Celery's calls"),
    Figure(
        "throughput_32", "beside_celery.throughput", "higher", 0.95, 1.0, "the same with 2 x 32 threads, not 2 x 64"
    ),
    Figure("throughput_8", "beside_celery.throughput", "higher", 0.85, 1.0, "the same with 2 x 8 threads"),
    Figure("throughput_bare", "beside_celery.throughput", "higher", 1.15, 1.4, "the same, / Celery without a session"),
    Figure("throughput_bare_8", "beside_celery.throughput", "higher", 0.95, 1.1, "this with 2 x 8 threads"),
    Figure(
        "worker_cpu", "beside_celery.throughput", "lower", 1.0, 0.75, "worker CPU a booking / plain Celery's a call"
    ),
    Figure(
        "throughput_instant",
        "beside_celery.throughput",
        "higher",
        0.95,
        1.1,
        "bookings a second at an instant Cal.com / plain Celery's calls with one INSERT each",
    ),
    Figure("enqueue_one", "beside_celery.enqueue", "lower", 1.3, 1.15, "to accept one / one INSERT and one delay()"),
    Figure("enqueue_bulk", "beside_celery.enqueue", "higher", 2.0, 2.5, "accepted a second, 10,000 at once / delay()s"),
    Figure("enqueue_huge", "bounds.bulk", "lower", 1.5, 1.2, "a request of 200,000 at once, then known / of 10,000"),
    Figure("idle_latency", "beside_celery.idle_latency", "lower", 1.9, 1.5, "from request to POST / plain Celery's"),
    Figure("idle_cost", "bounds.idle_cost", "lower", 1.0, 0.5, "CPU a second of an idle deployment / 40 ms"),
    Figure(
        "import_cost",
        "beside_celery.import_cost",
        "lower",
        1.5,
        1.2,
        "CPU until one is accepted / until a delay()",
    ),
    Figure("client_latency", "caller.latency", "lower", 1.3, 1.15, "a client's request to POST / enqueue_booking's"),
    Figure("client_async", "caller.side_by_side", "higher", 0.9, 1.0, "accepted a second, 200 coroutines / threads"),
    Figure("move_latency", "caller.changes", "lower", 1.5, 1.25, "a move, from wish to done, idle / a booking"),
    Figure("cancel_latency", "caller.changes", "lower", 1.5, 1.25, "a cancel, from wish to done, idle / a booking"),
    Figure("http_bookings", "front_door.bookings", "higher", 0.7, 0.9, "POST /v1/bookings a second / enqueue_booking"),
    Figure("http_cpu", "front_door.bookings", "lower", 1.5, 1.3, "CPU of the same, a booking / enqueue_booking"),
    Figure("http_read", "front_door.bookings", "lower", 0.6, 0.5, "CPU of GET /v1/bookings/ID / of a POST"),
    Figure("http_waiting", "front_door.bookings", "lower", 1.2, 1.1, "its CPU with 200 who wait beside it / without"),
    Figure("callback_delay", "front_door.callbacks", "lower", 1.0, 0.6, "p95 of a callback after its move / 0.5 s"),
    Figure("webhook_frozen", "front_door.webhooks", "lower", 1.0, 0.9, "p95 of a webhook, PostgreSQL frozen / 0.3 s"),
    Figure("client_import", "caller.import_time", "lower", 1.25, 1.15, "CPU to import a client / psycopg, BaseModel"),
    Figure("show_seconds", "caller.questions", "lower", 1.0, 0.75, "`booking show` of one booking / 0.6 s"),
    Figure("status_seconds", "caller.questions", "lower", 1.0, 0.9, "`booking status`, its workers at rest / 0.8 s"),
    Figure("client_packages", "caller.packages", "lower", 1.0, 1.0, "packages of a caller's fresh environment / 12"),
    Figure("client_size", "caller.packages", "lower", 1.0, 0.8, "its size / 40 MB, psycopg's binary included"),
    Figure("bad_day_errors", "beside_celery.bad_day", "lower", 3.0, 1.5, "p95 of a booking, 3 % answered 500 / plain"),
    Figure("bad_day_event_type", "beside_celery.bad_day", "lower", 3.0, 1.5, "the same, one event type always 500"),
    Figure("half_fails_p50", "beside_celery.bad_day", "lower", 2.0, 1.6, "p50 of a booking, half answered 503 / 5 s"),
    Figure("broken_type_first", "bounds.broken_type", "lower", 2.4, 1.2, "p95 behind ten that always answer 500 / 5 s"),
    Figure("half_fails_p95", "beside_celery.bad_day", "lower", 4.8, 4.0, "p95 of the same / 5 s"),
    Figure(
        "worker_rss",
        "worker_rss",
        "lower",
        1.1,
        1.02,
        "a worker's memory after 20,000 bookings / after 1,000",
        waits=True,
    ),
    Figure("big_tables", "big_tables", "lower", 1.5, 1.1, "a statement's time beside 2,000,000 bookings / 2,000"),
    Figure("page_costs", "page.costs", "lower", 1.5, 1.2, "a read of the page beside 1,000,000 bookings / 1,000"),
    Figure("list_look", "page.looks", "lower", 1.0, 0.9, "to look on for 17 of 1,000,000 bookings / 5 s"),
    Figure("list_step", "page.looks", "lower", 1.5, 1.2, "the blocks of a step of that beside 1,000,000 / 10,000"),
    Figure("page_blocks", "page.costs", "lower", 1.5, 1.2, "the blocks that such a read touches / the same"),
    Figure(
        "page_tabs", "page.tabs", "lower", 1.0, 0.8, "transactions a second of 60 tabs, beside 1,000,000 bookings / 60"
    ),
    Figure(
        "page_index_time", "page.costs", "lower", 1.3, 1.15, "a booking's statements with the page's indexes / without"
    ),
    Figure("page_index_wal", "page.costs", "lower", 1.5, 1.3, "WAL of a booking with the page's indexes / without"),
    Figure("guarded_call", "guarded_call", "lower", 1.7, 1.45, "ask and report on a closed breaker / two PINGs"),
    Figure("frozen_redis", "bounds.frozen_redis", "lower", 2.5, 1.2, "a guarded call while Redis is frozen / 0.08 s"),
    Figure("hurt_broker", "bounds.hurt_servers", "lower", 1.0, 0.7, "enqueue_booking with a frozen broker / a second"),
    Figure("hurt_postgres", "bounds.hurt_servers", "lower", 2.0, 1.6, "its error with a frozen Postgres / a second"),
    Figure("enqueue_while_open", "enqueue_while_open", "lower", 1.3, 1.0, "to accept a hold / a booking"),
    Figure("hanging_sink", "hanging_sink", "lower", 1.1, 1.0, "bookings while an alert sink hangs / without"),
    Figure("retry_delay", "bounds.retries", "lower", 1.4, 1.1, "from POST to POST / the policy's delay"),
    Figure("retry_after", "bounds.retries", "lower", 1.15, 1.05, "from a 503 to the next call / what it asked for"),
    Figure("settle", "bounds.retries", "lower", 1.12, 1.04, "from POST to POST after a 500 / the settle time"),
    Figure("probes", "bounds.probes", "lower", 1.33, 1.1, "from probe to probe of eight processes / the open window"),
    Figure("drain", "drain", "higher", 0.85, 0.95, "held bookings a second / the same fleet on a quiet day"),
    Figure("first_after_outage", "drain", "lower", 2.0, 1.2, "from Cal.com's return to the first booking / OPEN"),
    Figure(
        "accounts_throughput",
        "many_accounts.throughput",
        "higher",
        0.9,
        0.97,
        "bookings a second, 1,000 accounts / one",
    ),
    Figure("accounts_enqueue_one", "many_accounts.costs", "lower", 1.06, 1.02, "to accept one, one of 1,000 / alone"),
    Figure("accounts_guarded_call", "many_accounts.costs", "lower", 1.06, 1.02, "ask and report, one of 1,000 / alone"),
    Figure("accounts_rss", "many_accounts.memory", "lower", 1.2, 1.13, "worker's memory, 10,000 accounts booked / one"),
    Figure(
        "accounts_flood", "many_accounts.flood", "lower", 1.5, 1.1, "p95 of 19 accounts, one asks for 20,000 / none"
    ),
    Figure("accounts_messages", "many_accounts.flood", "lower", 1.0, 0.4, "messages in the broker meanwhile / 100"),
    Figure(
        "accounts_slow",
        "many_accounts.slow",
        "lower",
        1.5,
        1.1,
        "p95 of an account, another is answered after 20 s / alone",
        waits=True,
    ),
    Figure("accounts_beat", "many_accounts.beat", "lower", 2.0, 1.3, "blocks of a beat, 10,000 accounts in line / 100"),
    Figure("accounts_added", "many_accounts.adding", "lower", 1.0, 0.7, "to add 1,000 accounts / ten seconds"),
    Figure("accounts_drain", "many_accounts.drain", "higher", 0.85, 0.95, "`drain` with 200 accounts in turn"),
    Figure("flushed_queue", "bounds.flushed_queue", "lower", 1.0, 0.7, "until forgotten messages move again / 15 s"),
    Figure(
        "told_limit",
        "rate_limits",
        "higher",
        0.85,
        0.95,
        "the time that Cal.com's limit allows / that taken",
        waits=True,
    ),
    Figure(
        "own_limit", "rate_limits", "higher", 0.8, 0.95, "calls a minute / CALCOM_RATE_LIMIT_PER_MINUTE", waits=True
    ),
    Figure(
        "sick_bookings",
        "bounds.sick_endpoints",
        "lower",
        1.5,
        1.1,
        "p95 of cancels and moves, ten minutes of POST /v2/bookings answered 500 / a quiet day",
        waits=True,
    ),
    Figure(
        "sick_moves",
        "bounds.sick_endpoints",
        "lower",
        1.5,
        1.1,
        "p95 of bookings and cancels, ten minutes of reschedule answered 500 / a quiet day",
        waits=True,
    ),
    Figure("deadline", "bounds.deadlines", "lower", 1.5, 1.1, "a call that drips or hangs / its time-out"),
    Figure("long_text", "bounds.costs", "lower", 2.0, 1.1, "to mask a million characters / 5,000 of them"),
    Figure("metrics_day", "bounds.costs", "lower", 1.0, 0.2, "to write a day's figures / a thousandth of a day"),
    Figure(
        "redis_gone", "redis_gone", "higher", 0.8, 0.95, "the line's pace while Redis is gone / the limit's", waits=True
    ),
)
