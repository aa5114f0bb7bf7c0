"""Each held booking belongs to one cause: what the causes hold adds up to what is held, in states dealt by chance."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from sqlalchemy import Connection, text

from booking_client.states import HELD_BY
from db import account_troubles
from db.account_troubles import AccountTrouble, AccountTroubles, Cause, CommonCause
from db.models.accounts import AccountState
from db.monitoring import breaker_events, counts_now, status_queries
from db.monitoring.status_queries import AT_RISK
from tasks import dependencies
from tasks.accounts.door import UNREADABLE
from tasks.calcom.access import CREATE
from tasks.overview.ranking import causes
from tasks.overview.ranking.phrases import held_count
from tasks.overview.reading import read_overview
from tasks.overview.verdict import RANKED
from tests.sizes import Counted, sizes

OWN, ELSEWHERE = "calcom", ("c-1", "c-2")
LINE = ("breaker_open", "throttled")
STATES = ("closed", "open", "half_open", "forced_open", "off")
_ACCOUNT = """
INSERT INTO calcom_accounts (id, name, service, base_url, encrypted_key, key_fingerprint)
VALUES (:id, :name, :service, 'https://cal.example.com', 'opens nothing', :name)
"""
_HELD = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, hold_reason, held_at, held_for, error_type, account_id,
    settle_at, hold_until
)
SELECT
    key, false, 'hash', 'correlation', key, 101, now() + :starts * interval '1 minute', 'Ann Example',
    'ann@example.com', 'UTC', 'held', :reason, now() - :ago * interval '1 second', :held_for, :error_type, :account,
    now(), CASE WHEN :reason IN ('settling', 'unreachable') THEN now() + interval '1 minute' END
FROM (SELECT gen_random_uuid()::text AS key FROM generate_series(1, :number)) AS one
"""
_COUNTED = text(f"""
SELECT account.name, {HELD_BY} AS reason, count(*),
    count(*) FILTER (WHERE start_at <= now() + :near * interval '1 second'), min(held_at)
FROM appointments JOIN calcom_accounts AS account ON account.id = account_id WHERE appointments.status = 'held'
GROUP BY account.name, 2
""")  # noqa: S608 - constants


def deal(conn: Connection, chance: Random) -> None:
    """Deal accounts at one to three Cal.coms, what stops them, and what is held of them."""
    conn.execute(text("UPDATE calcom_accounts SET alone = false WHERE id = 1"))
    numbers = range(2, 2 + chance.randint(1, 6))
    for number in numbers:
        service = chance.choice((OWN, OWN, *ELSEWHERE))
        conn.execute(text(_ACCOUNT), {"id": number, "name": f"salon-{number}", "service": service})
        if chance.random() < 0.2:
            refused = {"service": service, "key": f"salon-{number}"}
            conn.execute(
                text(
                    "INSERT INTO breaker_overrides (service, mode, by, why, key_fingerprint)"
                    " VALUES (:service, 'credentials', 'worker', 'Cal.com refused this key', :key)"
                ),
                refused,
            )
        if chance.random() < 0.2:
            moved(conn, service, number, chance.choice(STATES))
    for service in (OWN, *ELSEWHERE):
        if chance.random() < 0.5:
            moved(conn, service, None, chance.choice(STATES))
    for number in (1, *numbers):
        for _ in range(chance.randint(0, 4)):
            held(conn, chance, number)
    for number in numbers:
        state = chance.choices((AccountState.ACTIVE, AccountState.PAUSED, AccountState.CLOSED), (7, 2, 1))[0]
        conn.execute(
            text(
                "UPDATE calcom_accounts SET state = :state,"
                " encrypted_key = CASE WHEN :state <> 'closed' THEN encrypted_key END WHERE id = :id"
            ),
            {"state": state.value, "id": number},
        )


def moved(conn: Connection, service: str, account: int | None, state: str) -> None:
    """Write down a change of a breaker: of an account's own, or of a Cal.com's."""
    now = conn.execute(text("SELECT now()")).scalar_one()
    change = {"old_state": "closed", "new_state": state, "reason": "failures", "failure_count": 5, "context": {}}
    of = {"service": service, "endpoint": CREATE, "account_id": account, "epoch": 7 + (account or 0)}
    breaker_events.record_transitions(conn, [{**change, **of, "created_at": now, "updated_at": now}])


def held(conn: Connection, chance: Random, account: int) -> None:
    """Hold some bookings of an account for one reason."""
    reason = chance.choice(
        (*LINE, *LINE, "credentials", "configuration", "paused", "blind_key", "suspect", "unreachable", "settling")
    )
    held_for = {"credentials": (UNREADABLE, "a key"), "configuration": ("settings",)}.get(reason, (None,))
    if reason in LINE:
        held_for = (None, "line")
    error = chance.choice((None, "no_event_type")) if reason == "configuration" else None
    given = {
        "account": account,
        "number": chance.randint(1, 3),
        "reason": reason,
        "held_for": chance.choice(held_for),
        "error_type": error,
        "starts": chance.choice((30, 60 * 24)),
        "ago": chance.randint(1, 900),
    }
    conn.execute(text(_HELD), given)


def known(conn: Connection, **more: Any) -> AccountTroubles:
    """Read the causes."""
    of = {"lead": 0, "unreadable": UNREADABLE, "missing_type": "no_event_type", "create": CREATE, **more}
    return account_troubles.read(conn, OWN, **of)


def of_each_account(conn: Connection) -> Counter[Any]:
    """Return what is held of each account when it alone is read, by its name and reason."""
    counts = Counter[Any]()
    for number, name in conn.execute(text("SELECT id, name FROM calcom_accounts")).all():
        for one in known(conn, only=number).causes:
            counts[name, one.held.reason.value] += one.held.count
    return counts


@sizes(60, many=10_000)
def test_what_the_causes_hold_adds_up_to_what_is_held(
    settings: Any, size: int, seed: int | None, counted: Counted, monkeypatch: Any
) -> None:
    """By account and reason, with what is at risk and the oldest; and the rows of the answer share it among them."""
    settings()
    deps, chance = dependencies.current(), Random(41 if seed is None else seed)  # noqa: S311 - a test
    met = Counter[Cause]()
    seen = read_overview(deps)
    assert seen.record is not None
    parts = list(dict.fromkeys(part for _, part in RANKED if part is not causes.of_all))
    for number in range(size):
        with deps.engine.connect() as conn:  # nothing is committed
            deal(conn, chance)
            rows = conn.execute(_COUNTED, {"near": AT_RISK}).all()
            found, holds = known(conn), tuple(counts_now.held(conn, lead=0))
            with monkeypatch.context() as fewer:
                fewer.setattr(account_troubles, "OF_EACH", 1)
                few = known(conn)
            each = of_each_account(conn)
        by_account = Counter({(one.account, one.held.reason.value): 0 for one in found.causes})
        at_risk = Counter(by_account)
        for one in found.causes:
            met[one.cause] += 1
            by_account[one.account, one.held.reason.value] += one.held.count
            at_risk[one.account, one.held.reason.value] += one.held.at_risk
        # Of accounts that nothing of their own stops, all together are counted.
        named = {one.account for one in found.causes if one.account is not None}
        true, near = Counter[Any](), Counter[Any]()
        for name, reason, count, risk, _ in rows:
            true[name if name in named else None, reason] += count
            near[name if name in named else None, reason] += risk
        assert +by_account == +true, f"state {number}"
        assert each == Counter({(row[0], row[1]): row[2] for row in rows}), f"state {number}"
        assert +at_risk == +near, f"state {number}"
        total = sum(one.count for one in holds)
        assert sum(one.held.count for one in few.causes) == total
        assert {one.reason: one.count for one in found.held()} == {one.reason: one.count for one in holds}
        oldest = [one.oldest_held_at for one in found.held()]
        assert min(oldest, default=None) == min((row[4] for row in rows), default=None)

        overview = replace(seen, record=replace(seen.record, holds=holds, accounts=found))
        told = sum(held_count(part(overview)) for part in parts)
        passing = sum(one.count for one in found.held(CommonCause.LET_GO))
        assert told + passing == total, f"state {number}"
    counted("states", size)
    assert set(met) >= {*AccountTrouble, *CommonCause}


def test_what_is_much_is_read_as_it_was_counted(settings: Any, monkeypatch: Any) -> None:
    """In full, and only while the count is new, and of what is much: what is little is counted by each reader."""
    settings()
    monkeypatch.setattr(account_troubles, "CAP", 2)

    def sums(found: AccountTroubles) -> list[tuple[Any, ...]]:
        return [(one.cause, one.account, one.held.count, one.held.capped) for one in found.causes]

    with dependencies.current().engine.connect() as conn:  # nothing is committed
        conn.execute(text("UPDATE calcom_accounts SET alone = false WHERE id = 1"))
        conn.execute(text(_ACCOUNT), {"id": 2, "name": "salon-2", "service": OWN})
        line = {"account": 2, "reason": "throttled", "held_for": None, "error_type": None, "starts": 30, "ago": 9}
        conn.execute(text(_HELD), {**line, "number": 3})
        throttled = AccountTrouble.THROTTLED, "salon-2"
        assert sums(known(conn)) == [(*throttled, 2, True)]

        now = conn.execute(text("SELECT now()")).scalar_one()
        counts_now.keep_held(conn, status_queries.hold_risks(conn, now, lead=0, half_made="half_made"), now)
        counted = known(conn, counted_at=now)
        assert sums(counted) == [(*throttled, 3, False)]
        conn.execute(text(_HELD), {**line, "number": 1})

        assert known(conn) == counted
        conn.execute(text("UPDATE held_now SET count = 2"))
        assert sums(known(conn)) == [(*throttled, 2, True)]
        for table in ("held_now", "causes_now"):
            conn.execute(text(f"UPDATE {table} SET counted_at = now() - interval '1 minute'"))  # noqa: S608 - constants
        conn.execute(text("UPDATE held_now SET count = 3"))
        assert sums(known(conn)) == [(*throttled, 2, True)]
