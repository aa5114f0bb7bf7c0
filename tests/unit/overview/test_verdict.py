"""The verdict on an overview: the eighteen rows, which of them answers, what else is said, and how bad it is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason
from db.monitoring.breaker_events import OutageSpan
from db.monitoring.counts_now import DayCounts, EndedBadly, HeldNow, OnTheWay
from db.monitoring.heartbeats import Heartbeat
from resilience.circuit_breaker.types import Block
from tasks.calcom.access import CREATE
from tasks.overview.cards import DATABASE, ENDPOINT, SERVICE, Card, SharedView
from tasks.overview.outages import OutageLevel
from tasks.overview.payload import payload
from tasks.overview.ranking import queue, theirs
from tasks.overview.ranking.row import Level, Whose
from tasks.overview.reading import Overview, PartState
from tasks.overview.record import ForAPerson, RecordView
from tasks.overview.sentences import Sentence, render
from tasks.overview.verdict import RANKED, verdict
from tests.support.incidents import make_incident

NOW = datetime(2030, 3, 1, 14, 3, tzinfo=UTC)
WELL, GONE = PartState(answers=True, ms=1.0), PartState(answers=False, since=NOW - timedelta(minutes=1))


def at(clock: str) -> datetime:
    """Return a moment of that day."""
    return datetime.fromisoformat(f"2030-03-01T{clock}:00Z")


def held(reason: HoldReason, count: int = 1, **more: Any) -> HeldNow:
    """Describe holds whose slots are far away."""
    values = {
        "capped": False,
        "at_risk": 0,
        "oldest_held_at": at("14:02"),
        "oldest_requested_at": at("14:01"),
        "first_start": NOW + timedelta(days=3),
        "next_until": None,
        **more,
    }
    return HeldNow(reason, count, **values)


CALM = RecordView(
    now=NOW,
    holds=(),
    for_a_person=ForAPerson((), half_made=False),
    moving=OnTheWay(pending=0, oldest_pending_at=None, booking=0, retrying=0),
    ended=EndedBadly(0, 0),
    day=DayCounts(confirmed=1204, rejected=0, failed=0, expired=0, cancelled=0),
    empty=False,
    beat=Heartbeat(NOW, NOW - timedelta(seconds=3), 5.0, NOW),
    overrides=(),
    outage=OutageSpan(None, None),
    mostly=None,
    changes=(),
    incidents=(),
)
CLOSED = Card("calcom", SERVICE, "closed", since=at("09:00"), calls=100, failed=0)
AT_ENDPOINT = Card(CREATE, ENDPOINT, "closed", since=at("09:00"), calls=100, failed=0)
STATEMENTS = Card("database", DATABASE, "closed", calls=1000, failed=0)


def fleet(card: Card = CLOSED, endpoint: Card = AT_ENDPOINT, **more: Any) -> SharedView:
    """Describe what Redis knows."""
    return SharedView(shared=True, redis_answers=True, cards=(card, endpoint, STATEMENTS), **more)


def overview(record: Mapping[str, Any] | None = None, shared: SharedView | None = None, **parts: Any) -> Overview:
    """Describe a fleet that is well, but for what is given; `record` None: Postgres is gone if it is said so."""
    servers = {"postgres": WELL, "redis": WELL, "broker": WELL, **parts}
    known = None if servers["postgres"] is GONE else replace(CALM, **(record or {}))
    return Overview(
        read_at=NOW,
        shared=shared or fleet(),
        record=known,
        limit=100,
        lead=timedelta(0),
        max_age=timedelta(minutes=15),
        **servers,
    )


def said(parts: Sentence) -> str:
    """Write a sentence down."""
    return render(parts, NOW, UTC)


def card(state: str, since: str = "14:02", **more: Any) -> Card:
    """Describe Cal.com's breaker."""
    return replace(CLOSED, state=state, since=at(since), opens=1, calls=0, **more)


OUTAGE = [held(HoldReason.BREAKER_OPEN, 35, at_risk=2, first_start=at("15:30")), held(HoldReason.SETTLING, 2)]
DOWN = {"holds": tuple(OUTAGE), "outage": OutageSpan(at("14:02"), None), "ended": EndedBadly(2, 1)}
NEXT = NOW + timedelta(seconds=12)
D = "37 held, 2 at risk (first at 15:30), 3 failed or expired"
ASKED_AGAIN = "Cal.com is asked each minute, and all go by themselves when it takes the key; else they need a new key"
ALL_GO = "all go by themselves, in order; 2 expire from 15:30: call those."

ROWS: list[tuple[int, str, Whose, Level, Overview, str, str]] = [
    (
        1, "postgres_gone", Whose.OURS, Level.CRITICAL, overview(postgres=GONE),
        "Postgres does not answer since 14:02: new requests are refused; accepted ones are kept.",
        "all goes on by itself when it is back.",
    ),
    (
        1, "not_migrated", Whose.OURS, Level.CRITICAL, replace(overview(postgres=GONE), lacks_tables=True),
        "The database lacks our tables, or some of their columns: nothing is known.",
        "nothing is kept: run `booking migrate`.",
    ),
    (
        1, "postgres_slow", Whose.OURS, Level.WARNING, replace(overview(), record=None),
        "Postgres is slow: the figures did not come in time.",
        "they are read again each second; look at what Postgres waits for: locks, load, disk.",
    ),
    (
        2, "redis_gone", Whose.OURS, Level.CRITICAL, overview(redis=GONE, broker=GONE),
        "Redis does not answer since 14:02: bookings are kept and wait.",
        "all goes on by itself when it is back.",
    ),
    (
        2, "redis_gone", Whose.OURS, Level.CRITICAL, overview(redis=GONE),
        "Redis does not answer since 14:02: bookings go at the limit's pace, each process by a breaker of its own.",
        "all goes on by itself when it is back.",
    ),
    (
        2, "broker_gone", Whose.OURS, Level.CRITICAL, overview(broker=GONE),
        "The broker does not answer since 14:02: bookings are kept and wait.",
        "all goes on by itself when it is back.",
    ),
    (
        3, "nothing_moves", Whose.OURS, Level.CRITICAL,
        overview({"moving": OnTheWay(12, NOW - timedelta(minutes=4), 0, 0)}),
        "Nothing moves: 12 wait, the oldest 4 min, no worker works on any.",
        "they keep waiting: start a worker.",
    ),
    (
        3, "nothing_moves", Whose.OURS, Level.CRITICAL,
        overview({"moving": OnTheWay(1, NOW - timedelta(seconds=40), 64, 0)}),
        "Too few workers: 1 waits, the oldest 40 s, 64 calls are under way.",
        "they go, but late: start another worker.",
    ),
    (
        4, "no_health_check", Whose.OURS, Level.CRITICAL,
        overview({"beat": Heartbeat(at("14:02"), at("14:02"), 5.0, NOW)}),
        "No health check since 14:02: alerts wait, and only other workers release holds.",
        "this stays so: start `celery -A worker beat` and the worker of `maintenance`.",
    ),
    (
        4, "no_health_check", Whose.OURS, Level.CRITICAL, overview({"beat": Heartbeat(None, at("14:02"), 5.0, NOW)}),
        "No health check yet, and the first booking came at 14:02: alerts wait, and only other workers release holds.",
        "this stays so: start `celery -A worker beat` and the worker of `maintenance`.",
    ),
    (
        5, "credentials", Whose.OURS, Level.CRITICAL,
        replace(overview(DOWN, fleet(key_refused=True)), key_refused_at=at("14:02")),
        f"Cal.com refuses our key since 14:02: {D}.",
        f"{ASKED_AGAIN}; 2 expire from 15:30: call those.",
    ),
    (
        6, "configuration", Whose.OURS, Level.CRITICAL,
        overview({"holds": (held(HoldReason.CONFIGURATION, 4),)}, fleet(settings_wrong=True)),
        "What answers is not Cal.com's API since 14:02: 4 held.",
        "the URL is asked each minute, and all go by themselves when Cal.com answers; else they need other settings.",
    ),
    (
        7, "forced_open", Whose.ORDERED, Level.WARNING,
        overview(
            {"holds": (OUTAGE[1],)},
            fleet(card("forced_open", by="ann", until=at("15:00"), why="Cal.com asked us to")),
        ),
        'An operator holds all back until 15:00 (ann: "Cal.com asked us to"): 2 held.',
        "all go by themselves then, in order.",
    ),
    (
        7, "forced_open", Whose.ORDERED, Level.CRITICAL, overview(DOWN, fleet(card("forced_open"))),
        f"An operator holds all back until told otherwise: {D}.",
        "nothing goes until the override is ended (`booking breaker auto`); 2 expire from 15:30: call those.",
    ),
    (
        8, "open", Whose.CALCOM, Level.CRITICAL, overview(DOWN, fleet(card("open", "14:03", next_at=NEXT))),
        f"Cal.com is down since 14:02: {D}, next probe in 12 s.",
        ALL_GO,
    ),
    (
        8, "open", Whose.CALCOM, Level.WARNING,
        overview({}, fleet(endpoint=replace(AT_ENDPOINT, state="open", since=at("14:02"), next_at=NEXT, opens=1))),
        "Cal.com is down for bookings.create since 14:02: 0 held, next probe in 12 s.",
        "new ones are held, and go by themselves.",
    ),
    (
        9, "half_open", Whose.CALCOM, Level.CRITICAL, overview(DOWN, fleet(card("half_open"))),
        f"Cal.com is being tried, down since 14:02: {D}.",
        ALL_GO,
    ),
    (
        9, "half_open", Whose.CALCOM, Level.WARNING, overview({}, fleet(card("half_open", probing=True))),
        "Cal.com is being tried, down since 14:02: 0 held.",
        "new ones are held, and go by themselves.",
    ),
    (
        9, "half_open", Whose.CALCOM, Level.WARNING,
        overview({"holds": (held(HoldReason.BREAKER_OPEN),)}, fleet(replace(card("half_open"), opens=0))),
        "Cal.com is being tried after an override: 1 held.",
        "it goes by itself.",
    ),
    (
        10, "unreachable", Whose.CALCOM, Level.WARNING,
        overview({"holds": (held(HoldReason.UNREACHABLE, next_until=NOW + timedelta(seconds=20)),)}),
        "Cal.com cannot be reached: 1 held, tried again in 20 s.",
        "it goes by itself.",
    ),
    (
        11, "draining", Whose.CALCOM, Level.CRITICAL,
        overview(
            {
                "holds": (held(HoldReason.BREAKER_OPEN, 812, at_risk=1, first_start=at("15:30")),),
                "outage": OutageSpan(at("13:32"), at("14:01")),
                "held_before": ((NOW - timedelta(seconds=60), 1412),),
            },
            fleet(replace(CLOSED, since=at("14:01")), replace(AT_ENDPOINT, calls=1080, calls_lately=90)),
        ),
        "Cal.com is back since 14:01 (down 29 min): 812 still held, 1 at risk (first at 15:30), 9 a second.",
        "done at about 14:04.",
    ),
    (
        12, "failing", Whose.CALCOM, Level.WARNING,
        overview({"mostly": "http_503"}, fleet(replace(CLOSED, calls=40, failed=12, level=OutageLevel.DEGRADED))),
        "Cal.com is failing: 12 of 40 calls in 5 min, mostly http_503.",
        "failed calls are repeated, and the breaker opens by itself if it gets worse.",
    ),
    (
        12, "failing", Whose.CALCOM, Level.WARNING,
        overview({}, fleet(replace(CLOSED, state="off", calls=40, failed=39, level=OutageLevel.CRITICAL))),
        "Cal.com is failing: 39 of 40 calls in 5 min.",
        "failed calls are repeated, and the breaker is off: it never opens, and retries may be used up.",
    ),
    (
        13, "throttled", Whose.LIMIT, Level.WARNING,
        overview(
            {"holds": (held(HoldReason.THROTTLED, 15),), "held_before": ((NOW - timedelta(seconds=40), 25),)}
        ),
        "The limit is reached: 15 wait, at most 100 a minute go.",
        "done in about 60 s.",
    ),
    (
        13, "throttled", Whose.LIMIT, Level.WARNING,
        overview(
            {"holds": (held(HoldReason.THROTTLED),)}, fleet(throttled_until=NOW + timedelta(seconds=30))
        ),
        "The limit is reached: 1 waits, and nothing goes for 30 s.",
        "all go by themselves, in order.",
    ),
    (
        14, "waits_for_you", Whose.YOURS, Level.CRITICAL,
        overview({"holds": (held(HoldReason.BLIND_KEY, 3),), "for_a_person": ForAPerson(("101",), half_made=False)}),
        "3 wait for you: our key cannot see type 101.",
        "nothing is posted, and each ends with its slot.",
    ),
    (
        14, "waits_for_you", Whose.YOURS, Level.CRITICAL,
        overview(
            {
                "holds": (held(HoldReason.SUSPECT), held(HoldReason.CONFIGURATION, 2)),
                "for_a_person": ForAPerson((), half_made=True),
            }
        ),
        "3 wait for you: half made at Cal.com (1), another server than Cal.com answered (2).",
        "nothing is posted, and each ends with its slot.",
    ),
    (
        14, "waits_for_you", Whose.YOURS, Level.CRITICAL,
        overview(
            {
                "holds": (held(HoldReason.CONFIGURATION, 2),),
                "for_a_person": ForAPerson((), half_made=False, missing_types=("101",)),
            }
        ),
        "2 wait for you: Cal.com no longer has the event type 101.",
        "the event type is looked for each minute, and its bookings go by themselves when it is there again.",
    ),
    (
        14, "waits_for_you", Whose.YOURS, Level.CRITICAL,
        overview(
            {
                "holds": (held(HoldReason.CONFIGURATION, 2),),
                "for_a_person": ForAPerson((), half_made=False, missing_types=("101", "102"), page_met=True),
            }
        ),
        "2 wait for you: Cal.com no longer has the event type 101, 102 and another server than Cal.com answered.",
        "Cal.com is asked again each minute, and these bookings go by themselves when it answers.",
    ),
    (
        15, "off", Whose.ORDERED, Level.WARNING, overview({}, fleet(card("off", until=at("15:00")))),
        "An operator turned the breaker off until 15:00.",
        "every call goes, whatever fails; retries may be used up.",
    ),
    (
        16, "ended_badly", Whose.YOURS, Level.CRITICAL, overview({"ended": EndedBadly(5, 0)}),
        "5 bookings failed for good in the last 15 min.",
        "they stay as they are: call the customers, or Retry what failed.",
    ),
    (
        16, "ended_badly", Whose.YOURS, Level.CRITICAL, overview({"ended": EndedBadly(0, 1)}),
        "1 booking expired in the last 15 min.",
        "they stay as they are: call the customers.",
    ),
    (
        17, "not_called", Whose.NOBODY, Level.CALM, overview({}, fleet(card("half_open", "09:00"))),
        "Cal.com was not called since 09:00; the next booking tries it.",
        "nothing is held up.",
    ),
    (
        18, "calm", Whose.NOBODY, Level.CALM,
        overview(
            {}, fleet(replace(CLOSED, last_call_at=NOW - timedelta(seconds=40), last_call_ms=812.0))
        ),
        "All is well: 1,204 booked in 24 h, 0 held, last call 40 s ago in 0.8 s.",
        "",
    ),
    (18, "calm", Whose.NOBODY, Level.CALM, overview({"empty": True}), "Ready: no booking yet.", ""),
    (
        14, "late", Whose.YOURS, Level.CRITICAL,
        overview({"holds": (held(HoldReason.SETTLING, at_risk=1, first_start=at("15:30")),)}),
        "Some wait for long: 1 held, 1 at risk (first at 15:30).",
        "they go when what holds them is over; 1 expires at 15:30: call that one.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "name", "whose", "level", "seen", "sentence", "nothing"), ROWS)
def test_each_row_has_its_sentence(
    row: int, name: str, whose: Whose, level: Level, seen: Overview, sentence: str, nothing: str
) -> None:
    """Whose matter it is, the sentence, what happens if nobody acts, and how bad it is."""
    found = verdict(seen)

    assert (found.row, found.name, found.whose, found.level) == (row, name, whose, level)
    assert (said(found.sentence), said(found.if_nobody_acts)) == (sentence, nothing)


def test_no_row_is_left_out() -> None:
    """The table above has all eighteen."""
    assert {row for row, *_ in ROWS} == set(range(1, 19))


def worst_of_all() -> Overview:
    """Describe a fleet of which every row but that of Postgres and those of a breaker in another state is true."""
    reasons = set(HoldReason) - {HoldReason.CREDENTIALS}
    shared = fleet(
        replace(card("forced_open"), level=OutageLevel.CRITICAL),
        replace(AT_ENDPOINT, state="open", opens=1),
        key_refused=True,
        settings_wrong=True,
    )
    record = {
        "moving": OnTheWay(12, NOW - timedelta(minutes=4), 0, 0),
        "beat": Heartbeat(at("14:02"), at("14:02"), 5.0, NOW),
        "holds": tuple(map(held, sorted(reasons))),
        "ended": EndedBadly(1, 0),
    }
    return overview(record, shared, redis=GONE)


def test_the_first_of_the_worst_answers() -> None:
    """When it is over, the next one does, down to the last."""
    seen = worst_of_all()
    assert seen.record is not None
    moving, beat = CALM.moving, CALM.beat
    endings: list[Overview] = [seen]

    def over(**changes: Any) -> None:
        last = endings[-1]
        assert last.record is not None
        record = {name: value for name, value in changes.items() if name in RecordView.__slots__}
        others = {name: value for name, value in changes.items() if name not in record}
        endings.append(replace(last, record=replace(last.record, **record), **others))

    over(redis=WELL)
    over(moving=moving)
    over(beat=beat)
    over(shared=replace(seen.shared, key_refused=False))
    over(shared=replace(seen.shared, key_refused=False, settings_wrong=False))
    failing = replace(CLOSED, level=OutageLevel.CRITICAL)
    over(shared=fleet(failing, replace(AT_ENDPOINT, state="open", opens=1)))
    over(shared=fleet(failing, replace(AT_ENDPOINT, state="half_open", opens=1)))
    over(shared=fleet(failing))  # it can't be reached: that sentence counts the bookings that ended badly
    others = tuple(one for one in seen.record.holds if one.reason is not HoldReason.UNREACHABLE)
    over(holds=others)  # what waits for a person is worse than what goes by itself
    by_itself = {HoldReason.BREAKER_OPEN, HoldReason.THROTTLED}
    over(holds=tuple(one for one in others if one.reason in by_itself))  # the bookings that ended badly
    over(ended=EndedBadly(0, 0))
    over(holds=(held(HoldReason.THROTTLED),))
    over(shared=fleet())
    over(holds=(), shared=fleet(card("off")))
    over(shared=fleet(card("half_open")))
    over(shared=fleet())

    assert [verdict(one).row for one in endings] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 16, 11, 12, 13, 15, 17, 18]


@pytest.mark.parametrize("state", ["forced_open", "open", "half_open"])
def test_nothing_is_said_to_go_while_nothing_goes(state: str) -> None:
    """Neither by the limit, nor because Cal.com is back."""
    holds = tuple(map(held, (HoldReason.BREAKER_OPEN, HoldReason.UNREACHABLE, HoldReason.THROTTLED)))

    assert verdict(overview({"holds": holds}, fleet(card(state)))).also == ()
    assert len(verdict(overview({"holds": holds})).also) == 1


def test_a_sentence_stays_while_it_is_true_so_that_it_can_be_read() -> None:
    """For ten seconds, unless something is worse; then the first by rank has it."""
    limit = {"holds": (held(HoldReason.THROTTLED),)}
    failing = fleet(replace(CLOSED, calls=40, failed=12, level=OutageLevel.DEGRADED))
    first = verdict(overview(limit))

    def later(seconds: float, seen: Overview) -> tuple[str, datetime | None]:
        said = verdict(replace(seen, read_at=NOW + timedelta(seconds=seconds)), first)
        return said.name, said.chosen_at

    assert (first.name, first.chosen_at) == ("throttled", NOW)
    assert later(9, overview(limit, failing)) == ("throttled", NOW)
    assert later(10, overview(limit, failing)) == ("failing", NOW + timedelta(seconds=10))
    assert later(9, overview({}, failing)) == ("failing", NOW + timedelta(seconds=9))
    assert later(9, overview({"holds": (*limit["holds"], held(HoldReason.SUSPECT))})) == (
        "waits_for_you",
        NOW + timedelta(seconds=9),
    )


def test_what_else_is_true_is_said_shortly() -> None:
    """Up to three of the next rows; figures that the first has told are not told again."""
    found = verdict(worst_of_all())

    assert found.row == 2
    assert [said(one) for one in found.also] == [
        "Nothing moves: 12 wait, the oldest 4 min, no worker works on any.",
        "No health check since 14:02: alerts wait, and only other workers release holds.",
        "Cal.com refuses our key.",
    ]


def test_endings_that_the_first_sentence_counts_are_not_said_again() -> None:
    """`2 failed or expired` stands in it."""
    record = {**DOWN, "holds": (*OUTAGE, held(HoldReason.SUSPECT))}

    found = verdict(overview(record, fleet(card("open"))))

    assert "3 failed or expired" in said(found.sentence)
    assert [said(one) for one in found.also] == ["1 waits for you: three workers were lost."]


@pytest.mark.parametrize(
    ("holds", "nothing"),
    [
        ((held(HoldReason.SUSPECT),), "new ones are held, and go by themselves; 1 waits for something else."),
        (
            (held(HoldReason.BREAKER_OPEN), held(HoldReason.BLIND_KEY, 3)),
            "1 goes by itself; 3 wait for something else.",
        ),
        (
            (held(HoldReason.BREAKER_OPEN, 35), held(HoldReason.BLIND_KEY, 3)),
            "35 go by themselves, in order; 3 wait for something else.",
        ),
    ],
)
def test_what_waits_for_a_person_is_not_said_to_go_by_itself(holds: tuple[HeldNow, ...], nothing: str) -> None:
    """Though it is held during the outage, too."""
    for state, row in ("open", theirs.breaker_open), ("half_open", theirs.half_open):
        found = row(overview({"holds": holds}, fleet(card(state, probing=True))))
        assert found is not None
        assert said(found.if_nobody_acts) == nothing


@pytest.mark.parametrize("outage", [OutageSpan(None, None), OutageSpan(at("12:00"), at("12:30"))])
def test_cal_com_is_not_said_to_be_back_where_it_was_not_away(outage: OutageSpan) -> None:
    """An operator's override has ended; the last outage, if there was one, ended long before."""
    seen = overview({"holds": (held(HoldReason.BREAKER_OPEN, 7),), "outage": outage}, fleet(card("closed", "14:01")))

    assert said(verdict(seen).sentence) == "What was held back goes since 14:01: 7 still held."


def test_cal_com_is_back_before_the_record_has_the_end_of_the_outage() -> None:
    """The record has a change of the breaker a second after the breaker."""
    seen = overview({"holds": (held(HoldReason.BREAKER_OPEN, 7),), "outage": OutageSpan(at("13:00"), None)})

    assert said(verdict(seen).sentence).startswith("Cal.com is back since 09:00: 7 still held")


def test_the_pace_is_that_of_what_is_let_go() -> None:
    """Calls that failed before the breaker closed let nothing go."""
    closed = replace(CLOSED, since=NOW - timedelta(seconds=2))
    seen = overview(
        {"holds": (held(HoldReason.BREAKER_OPEN, 812),), "outage": OutageSpan(at("14:02"), closed.since)},
        fleet(closed, replace(AT_ENDPOINT, since=closed.since, calls=600, calls_lately=4)),
    )

    assert "812 still held, 2 a second" in said(verdict(seen).sentence)


@pytest.mark.parametrize("state", ["forced_open", "open", "half_open"])
def test_how_many_are_held_is_not_said_while_it_cannot_be_read(state: str) -> None:
    """Redis shows the breaker, and PostgreSQL is slow: "0 held" would be a guess."""
    seen = replace(overview({}, fleet(card(state, next_at=NEXT))), record=None)
    found = [row for row, _ in RANKED if row(seen)]
    told = [said(one.sentence) for row in found if (one := row(seen))]

    assert len(told) >= 2
    assert not any("held," in one or "held." in one for one in told), told


BACK = fleet(replace(CLOSED, since=at("14:01")))


def before(*counts: int, seconds: float = 35) -> tuple[tuple[datetime, int], ...]:
    """Describe how many were held then, newest first, a minute apart."""
    return tuple((NOW - timedelta(seconds=seconds + 60 * n), count) for n, count in enumerate(counts))


@pytest.mark.parametrize(
    ("counts", "nothing"),
    [
        (before(130, seconds=60), "done at about 14:06."),  # 30 a minute fewer, though 100 a minute go
        (before(94, 88), "more is asked for than goes: it does not end by itself."),
        (before(90, 96), "all go by themselves, in order."),  # a minute ago it became shorter
        (before(90), "all go by themselves, in order."),
        (before(109, seconds=60), "all go by themselves, in order."),  # nine fewer: chance
        (before(115, seconds=60), "all go by themselves, in order."),  # an end that is farther than four such minutes
        (before(130, seconds=29), "all go by themselves, in order."),  # too near: chance
        (before(130, seconds=125), "all go by themselves, in order."),  # the outage itself was counted
        ((), "all go by themselves, in order."),
    ],
)
def test_the_end_is_foreseen_by_what_goes_less_what_comes(
    counts: tuple[tuple[datetime, int], ...], nothing: str
) -> None:
    """Neither by the limit nor by the calls: while as much is asked for as goes, nothing ends."""
    seen = overview({"holds": (held(HoldReason.BREAKER_OPEN, 100),), "held_before": counts}, BACK)

    found = verdict(seen)

    assert (found.name, said(found.if_nobody_acts)) == ("draining", nothing)
    assert (found.done_at is None) == (not nothing.startswith("done"))


def test_the_limit_alone_is_no_recovery() -> None:
    """What is in line stands behind those that met the limit, or behind those of an outage."""
    holds = (held(HoldReason.THROTTLED, 2), held(HoldReason.IN_LINE, 40))

    def first(met: HoldReason) -> str:
        return said(verdict(overview({"holds": holds, "queue_met": met})).sentence)

    assert first(HoldReason.THROTTLED) == "The limit is reached: 42 wait, at most 100 a minute go."
    assert first(HoldReason.BREAKER_OPEN).endswith(": 42 still held.")


@pytest.mark.parametrize("block", Block)
def test_the_line_is_moved_on_by_what_stops_it_now(block: Block) -> None:
    """A refused key or an order, though the outage that held it is over."""
    line = [held(one) for one in (HoldReason.BREAKER_OPEN, HoldReason.THROTTLED, HoldReason.IN_LINE)]
    seen = overview({"holds": tuple(line)}, fleet(block=block))

    told = payload(seen, verdict(seen))["holds"]

    assert len({str(one["moves_on"]) for one in told}) == 1
    assert {one["waits_for"] for one in told} == {None if block is Block.NOTHING else block.value}
    said_by = {Block.CREDENTIALS: "our key", Block.ORDER: "operator's order", Block.CONFIGURATION: "Cal.com's API"}
    assert said_by.get(block, "in order") in told[0]["moves_on"][0]


@pytest.mark.parametrize(("closed", "since_closed"), [("14:00", True), ("13:50", False)])
def test_calls_are_counted_since_a_breaker_closed(closed: str, since_closed: bool) -> None:  # noqa: FBT001
    """Closing begins the counts again: they are not those of five minutes, of no card but the database's."""
    shared = fleet(endpoint=replace(AT_ENDPOINT, since=at(closed)))

    cards = payload(overview({}, shared), verdict(overview({}, shared)))["cards"]

    assert [one["since_closed"] for one in cards] == [since_closed, since_closed, False]


def test_what_one_endpoint_holds_is_not_said_of_all() -> None:
    """Lookups fail while bookings are made: no network is down, and not all that is held waits for them."""
    listing = Card("bookings.list", ENDPOINT, "open", since=at("14:02"), opens=1)
    shared = SharedView(shared=True, redis_answers=True, cards=(CLOSED, AT_ENDPOINT, listing, STATEMENTS))
    holds = (held(HoldReason.UNREACHABLE, 11), held(HoldReason.SETTLING, 32))

    found = verdict(overview({"holds": holds}, shared))

    assert said(found.sentence) == "Cal.com answers no lookups (bookings.list): 11 of 43 held."


@pytest.mark.parametrize(
    ("holds", "ended", "told"),
    [
        ((), 0, "0 held"),
        ((held(HoldReason.BREAKER_OPEN),), 0, "1 held"),
        ((held(HoldReason.BREAKER_OPEN, 1000, capped=True),), 0, "1,000+ held"),
        (
            (held(HoldReason.BREAKER_OPEN, 37, at_risk=2, first_start=at("15:30")),),
            3,
            "37 held, 2 at risk (first at 15:30), 3 failed or expired",
        ),
        ((), 1, "0 held, 1 failed or expired"),
    ],
)
def test_the_damage_so_far_is_one_phrase(holds: tuple[HeldNow, ...], ended: int, told: str) -> None:
    """How many are held, how many of them in danger and from when, how many it has cost already."""
    found = verdict(overview({"holds": holds, "ended": EndedBadly(ended, 0)}, fleet(card("open"))))

    assert said(found.sentence) == f"Cal.com is down since 14:02: {told}."


def test_the_first_at_risk_is_told_by_when_it_expires() -> None:
    """That is as long before its start as a booking may still be made."""
    risk = held(HoldReason.BREAKER_OPEN, at_risk=1, first_start=at("15:30"))
    seen = replace(overview({"holds": (risk,)}, fleet(card("open"))), lead=timedelta(minutes=30))

    assert said(verdict(seen).sentence) == "Cal.com is down since 14:02: 1 held, 1 at risk (first at 15:00)."
    assert said(verdict(seen).if_nobody_acts) == "it goes by itself; 1 expires at 15:00: call that one."


@pytest.mark.parametrize(
    ("hold", "level"),
    [
        (held(HoldReason.BREAKER_OPEN), Level.WARNING),
        (held(HoldReason.BREAKER_OPEN, at_risk=1), Level.CRITICAL),
        (
            held(HoldReason.BREAKER_OPEN, oldest_held_at=NOW, oldest_requested_at=NOW - timedelta(minutes=16)),
            Level.CRITICAL,
        ),
    ],
)
def test_an_outage_is_critical_once_somebody_may_lose_his_slot_or_waits_too_long(hold: HeldNow, level: Level) -> None:
    """Before that all goes by itself, and a warning is enough."""
    assert verdict(overview({"holds": (hold,)}, fleet(card("open")))).level is level


def test_what_needs_a_person_is_said_before_what_ends_by_itself() -> None:
    """The sentence is that of the worst row, as the level is."""
    found = verdict(overview({"holds": (held(HoldReason.SUSPECT),)}, fleet(card("open"))))

    assert (found.row, found.level) == (14, Level.CRITICAL)
    assert [said(one) for one in found.also] == ["Cal.com is down since 14:02."]


@pytest.mark.parametrize(
    ("seen", "buttons"),
    [
        (overview(postgres=GONE), ()),
        (overview(DOWN, fleet(card("open"))), ("show_at_risk", "show_held", "open")),
        (overview({}, fleet(card("forced_open"))), ("show_held", "auto")),
        (overview({}, fleet(card("off"))), ("auto",)),
        (overview({}, fleet(key_refused=True)), ("show_held", "reset")),
        (overview({"holds": (held(HoldReason.SUSPECT),)}), ("show_reason", "retry", "cancel")),
        (overview({"ended": EndedBadly(1, 0)}), ("show_failed", "retry")),
        (overview({"ended": EndedBadly(0, 1)}), ("show_failed",)),
        (overview(), ()),
    ],
)
def test_only_fitting_buttons_are_offered(seen: Overview, buttons: tuple[str, ...]) -> None:
    """What is at risk is shown first."""
    assert verdict(seen).buttons == buttons


def test_a_gone_server_is_told_by_its_incident_where_this_process_has_just_begun() -> None:
    """`booking status` runs once, and has seen nothing before."""
    incident = make_incident(at("14:00"), kind="redis_gone", subject=None)
    gone = PartState(answers=False)

    found = verdict(overview({"incidents": (incident,)}, redis=gone, broker=gone))
    unknown = verdict(overview(redis=gone, broker=gone))

    assert said(found.sentence) == "Redis does not answer since 14:00: bookings are kept and wait."
    assert said(unknown.sentence) == "Redis does not answer: bookings are kept and wait."


@pytest.mark.parametrize("seen", [row[4] for row in ROWS if row[1] not in {"draining", "throttled"}])
def test_what_is_said_holds_moments_and_no_ages(seen: Overview) -> None:
    """While nothing changes the answer is the same; only what goes by itself is reckoned again each time."""
    later = replace(seen, read_at=seen.read_at + timedelta(seconds=2))

    assert payload(later, verdict(later)) | {"read_at": ""} == payload(seen, verdict(seen)) | {"read_at": ""}


@pytest.mark.parametrize("reason", HoldReason)
def test_each_hold_says_who_moves_it_on(reason: HoldReason) -> None:
    """It is told beside its figures."""
    seen = overview({"holds": (held(reason, 3, at_risk=1, next_until=NEXT),)})

    [told] = payload(seen, verdict(seen))["holds"]

    assert (told["reason"], told["count"], told["at_risk"], told["capped"]) == (reason.value, 3, 1, False)
    assert told["moves_on"][0].startswith(("itself", "you", "a key", "Cal.com's answer"))


def test_what_a_gone_postgres_would_have_told_is_null() -> None:
    """And what Redis tells is of now."""
    seen = overview(postgres=GONE)
    told = payload(seen, verdict(seen))

    assert [told[name] for name in ("holds", "now", "day", "changes", "incidents", "try")] == [None] * 6
    assert told["parts"]["postgres"] == {"well": False, "since": "2030-03-01T14:02:00.000Z", "ms": None}
    assert [one["state"] for one in told["cards"]] == ["closed"] * 3


def test_the_chart_is_given_when_the_line_will_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence beside it is for people: reworded, the chart is as before."""
    holds = {"holds": (held(HoldReason.BREAKER_OPEN, 90),), "held_before": ((NOW - timedelta(seconds=60), 630),)}
    seen = overview(holds)
    before = payload(seen, verdict(seen))["verdict"]
    sentence = queue.sentence
    monkeypatch.setattr(
        queue,
        "sentence",
        lambda *parts: sentence(*("by then, at least" if isinstance(one, str) else one for one in parts)),
    )

    after = payload(seen, verdict(seen))["verdict"]

    assert (before["name"], before["nothing"] == after["nothing"]) == ("draining", False)
    assert before["done_at"] == after["done_at"] == "2030-03-01T14:03:10.000Z"


def test_what_is_counted_up_to_a_cap_is_named() -> None:
    """Else "pending 1,000" would be said of 1,236."""
    holds = (held(HoldReason.BREAKER_OPEN, 1000, capped=True), held(HoldReason.SUSPECT, 2))
    moving = OnTheWay(pending=1000, oldest_pending_at=NOW, booking=999, retrying=0)
    some, all_known = overview({"holds": holds, "moving": moving, "unknown": 1000}), overview()

    assert payload(some, verdict(some))["capped"] == ["pending", "unknown", "held"]
    assert payload(all_known, verdict(all_known))["capped"] == []
