"""The page's modules by themselves, in the browser and without a deployment: ages, sentences, series, states."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.overview.sentences import (
    Sentence,
    as_json,
    iso,
    render,
    sentence,
    time_lasting,
    time_of_day,
    time_since,
    time_until,
)
from tasks.words import duration
from tests.browser.browser import Ask

NOW = datetime(2026, 11, 26, 7, 0, 0, tzinfo=UTC)
HOSTILE = "<img src=x onerror=\"document.title='run'\">"


def test_ages_are_said_as_the_command_line_says_them(ask: Ask) -> None:
    """At each border between units, and on both sides of it."""
    borders = (0, 1, 59, 60, 119, 120, 3599, 3600, 7199, 7200, 86_400, 172_799, 172_800, 10**7)

    assert {at: ask("core/moments.js", "span(...given)", at) for at in borders} == {at: duration(at) for at in borders}


DOWN = sentence(
    "Cal.com is down since ", time_of_day(NOW - timedelta(minutes=58)), ": ", time_until(NOW + timedelta(seconds=12))
)
CALLED = sentence("last call ", time_since(NOW - timedelta(seconds=40)), " ago")
WAITS = sentence(
    "12 wait, the oldest ", time_lasting(NOW - timedelta(minutes=4)), "; past: ", time_until(NOW - timedelta(seconds=9))
)


@pytest.mark.parametrize("said", [DOWN, CALLED, WAITS])
def test_a_sentence_reads_as_the_command_line_writes_it(ask: Ask, said: Sentence) -> None:
    """From the same moments, at the same time."""
    at = NOW.timestamp() * 1000

    assert ask("core/moments.js", "sentenceText(...given)", as_json(said), at) == render(said, NOW, UTC)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW, "07:00"),
        (NOW - timedelta(days=1), "25 Nov 07:00"),
        (NOW.replace(year=2030), "26 Nov 2030 07:00"),
    ],
)
def test_a_time_of_another_day_has_its_day(ask: Ask, at: datetime, said: str) -> None:
    """And one of another year its year."""
    assert ask("core/moments.js", "clock(...given)", iso(at), NOW.timestamp() * 1000) == said


def test_a_head_names_day_and_zone(ask: Ask) -> None:
    """Of the figures that are shown: a screenshot is read elsewhere, and another day."""
    assert ask("core/moments.js", "dated(...given)", iso(NOW)) == "26 Nov 2026, 07:00:00 UTC"


def test_figures_are_as_old_as_their_answer_whatever_postgresqls_clock_says(ask: Ask) -> None:
    """A database whose clock is minutes off makes no page stale, and none look fresh."""
    age = ask(
        "core/poll.js",
        """Poll && (async () => {
            const { fetch } = window;
            window.fetch = async () => Response.json({ read_at: given[0] });
            const poll = new it.Poll("/data/overview", { every: 1e9 });
            await poll.now();
            Object.assign(window, { fetch });
            return [Math.abs(Date.now() - poll.readAt) < 60000, poll.readAt];
        })()""",
        iso(NOW),
    )

    assert age[0], age


def test_text_stays_text(ask: Ask) -> None:
    """What a customer wrote is shown and does not run."""
    built = "el('p', {}, given[0], [given[0]])"

    assert ask("core/dom.js", f"{built}.childElementCount", HOSTILE) == 0
    assert ask("core/dom.js", f"{built}.textContent", HOSTILE) == HOSTILE * 2


def test_what_is_drawn_anew_keeps_the_focus(ask: Ask) -> None:
    """By its key, for the element itself is another one."""
    drawn = """fill(document.body, it.el('button', {'data-key': 'one'}), it.el('button', {'data-key': 'two'}))
        ?? document.querySelector('[data-key=two]').focus()
        ?? it.fill(document.body, it.el('button', {'data-key': 'two'}), it.el('button', {'data-key': 'three'}))
        ?? document.activeElement.dataset.key"""

    assert ask("core/dom.js", drawn) == "two"


def test_failures_are_few_types_and_others(ask: Ask) -> None:
    """The most frequent first; a gap stays a gap."""
    failures = {f"type_{n}": [n, None, 1] for n in range(1, 8)} | {"never": [0, None, 0]}

    found = ask("charts/series.js", "byType(...given)", failures, 3)

    assert [one["name"] for one in found] == ["type_7", "type_6", "type_5", "type_4", "others"]
    assert found[-1] == {"name": "others", "values": [1 + 2 + 3, None, 3], "total": 9}


def test_bars_stand_on_each_other(ask: Ask) -> None:
    """The highest is drawn first, so that each is seen."""
    assert ask("charts/series.js", "stacked(...given)", [[1, None], [2, None], [4, 3]]) == [
        [7, 3],
        [3, None],
        [1, None],
    ]


@pytest.mark.parametrize(
    ("held", "grows"), [([0, 0, 6, 12, 18, 24, 30], 6), ([0, None, 1, 2, 3, 4, 5], None), ([3, 3], None)]
)
def test_a_trend_is_told_only_when_it_is_known(ask: Ask, held: list[int | None], grows: float | None) -> None:
    """Over five minutes of samples."""
    assert ask("charts/series.js", "trend(...given)", {"step": 60, "held": held}) == grows


def test_an_outage_is_one_run_of_open_and_half_open(ask: Ask) -> None:
    """Closed ends it; what nobody knows is a run of its own."""
    states = ["closed", "open", "half_open", "open", "closed", "open", "unknown"]
    spans = [{"from": n * 100, "to": (n + 1) * 100, "state": state} for n, state in enumerate(states)]

    found = ask("charts/band.js", "runs(...given)", spans)

    assert [(run["from"], run["to"], run["state"]) for run in found] == [
        (100, 400, "open"),
        (500, 600, "open"),
        (600, 700, "unknown"),
    ]


def test_a_breaker_is_drawn_up_to_what_the_answer_says(ask: Ask) -> None:
    """The chart is older by seconds; a breaker that was closed all the time has no lane, but the service's own."""
    spans = [{"from": 0, "to": None, "state": "closed"}]
    now = {
        "data": {"breaker": [{"name": name, "spans": spans} for name in ("calcom", "bookings.create", "slots")]},
        "states": {"calcom": {"state": "closed", "since": 0}, "slots": {"state": "open", "since": 70}},
    }

    calcom, slots = ask("charts/kinds.js", "lanes(...given)", now)

    assert calcom == {"name": "calcom", "spans": spans}
    assert slots["spans"] == [{"from": 0, "to": 70, "state": "closed"}, {"from": 70, "to": None, "state": "open"}]


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 2), (2, 2), (3, 4), (9, 10), (37, 40), (101, 120), (213, 240), (812, 1000), (20_001, 24_000)],
)
def test_a_chart_ends_at_a_round_number(ask: Ask, highest: int, top: int) -> None:
    """Whose half is round, too."""
    assert ask("charts/kinds.js", "round(...given)", highest) == top


def answer(name: str = "calm", *buttons: str, states: tuple[str, ...] = ("closed",), **more: Any) -> dict[str, Any]:
    """Return what the server answers of an overview, as far as buttons depend on it."""
    return {
        "verdict": {"name": name, "reason": None, "buttons": list(buttons)},
        "cards": [{"state": state} for state in states],
        "parts": {"postgres": {"well": True}, "redis": {"well": True}},
        "holds": [
            {"reason": "breaker_open", "count": 35, "at_risk": 2},
            {"reason": "suspect", "count": 1, "at_risk": 1},
        ],
        "day": {"expired": 0},
        **more,
    }


@pytest.mark.parametrize(
    ("seen", "offered"),
    [
        (answer(states=("closed", "closed")), ["open", "off"]),
        (answer(states=("open", "closed")), ["open", "off", "reset"]),
        (answer(states=("forced_open",)), ["off", "auto", "reset"]),
        (answer(states=("off",)), ["open", "auto", "reset"]),
        (answer(parts={"postgres": {"well": False}, "redis": {"well": True}}), []),  # no order could be recorded
    ],
)
def test_the_orders_offered_are_those_that_change_something(ask: Ask, seen: Any, offered: list[str]) -> None:
    """Whatever the answer names as well."""
    assert ask("answer/buttons.js", "decisive(...given).others", seen) == offered


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (
            answer("open", "show_at_risk", "show_held", "open"),
            ["Show the 3 at risk", "Show what is held", "Hold all back"],
        ),
        (answer("ended_badly", "show_failed", "retry"), ["Show and retry what failed"]),
        (
            answer("ended_badly", "show_failed", "retry", day={"expired": 1}),
            ["Show and retry what failed", "Show what expired"],
        ),
        (answer("ended_badly", "show_failed"), ["Show what expired"]),
        (answer("suspect", "show_reason", "retry"), ["Show the 1 booking", "Retry the 1 booking"]),
    ],
)
def test_the_buttons_say_what_they_are_about(ask: Ask, seen: Any, shown: list[str]) -> None:
    """By the numbers of the answer; none leads to a list that is empty."""
    texts = "buttons(it.decisive(...given), {}).filter((one) => one?.matches('.button')).map((one) => one.textContent)"

    assert ask("answer/buttons.js", texts, seen) == shown


def test_an_action_on_a_list_is_about_those_that_it_can_do_something_with(ask: Ask) -> None:
    """What goes by itself is not retried, what has ended is not cancelled."""
    rows = [
        {"id": 1, "status": "held", "hold_reason": "breaker_open"},
        {"id": 2, "status": "held", "hold_reason": "suspect"},
        {"id": 3, "status": "failed", "hold_reason": None},
    ]

    def doable(count: int, chosen: list[int] | None = None, *, capped: bool = False) -> Any:
        return ask("list/bulk.js", "doable(...given)", {"rows": rows, "count": count, "capped": capped}, chosen or [])

    shown = {"chosen": [], "ids": {"retry": [2, 3], "cancel": [1, 2]}, "calls": 3, "all": None, "first": False}
    assert doable(3) == shown
    assert doable(306)["all"] == 306
    assert doable(1001, capped=True) == shown | {"calls": 1001, "all": 1000, "first": True}
    these = {"chosen": [1, 9], "ids": {"retry": [1, 9], "cancel": [1, 9]}, "calls": 2, "all": None}
    assert doable(1001, [1, 9]) == these, "all that are chosen, whatever they are: the dialog says what it leaves alone"
    rows[0]["cancel_requested"] = True
    assert doable(3)["ids"]["cancel"] == [2], "its cancellation is asked for already"


def test_cancel_stands_apart_from_retry_and_looks_unlike_it(ask: Ask) -> None:
    """Behind all other buttons, in a place and a colour of its own; also where a list offers it."""
    seen = answer("suspect", "show_reason", "retry", "cancel")
    last = "buttons(it.decisive(...given), {}).filter(Boolean).at(-1).outerHTML"
    shown = ask("answer/buttons.js", last, seen)
    assert shown.startswith('<span class="apart"><button type="button" class="button danger"')

    rows = [{"id": 2, "status": "held", "hold_reason": "suspect"}]
    offered = "bulk(it.doable(...given), {}, () => {}).flat().map((one) => one.outerHTML)"
    retry, calls, cancel = ask("list/bulk.js", offered, {"rows": rows, "count": 1})
    assert "danger" not in retry + calls
    assert cancel.startswith('<span class="apart"><button type="button" class="button small danger"')


def test_a_button_names_no_more_bookings_than_an_action_takes(ask: Ask) -> None:
    """A thousand at most, however many wait."""
    seen = answer("suspect", "retry", holds=[{"reason": "suspect", "count": 20_000, "at_risk": 0}])

    assert ask("answer/buttons.js", "buttons(it.decisive(...given), {})[0].textContent", seen) == (
        "Retry the first 1,000 of 20,000 bookings"
    )


def test_what_is_copied_of_a_call_list_is_no_formula(ask: Ask) -> None:
    """Each line begins with a booking's id, and a name breaks no line; what is dialled is a number."""
    rows = [{"id": 7, "start_at": "2030-03-01T09:00:00Z"}, {"id": 8, "start_at": None}]
    given = [[7, {"name": "=cmd|'/c calc'!A1\nPat", "phone": "+1 555 0100", "email": None}]]

    assert ask("calls/table.js", "asText(given[0], new Map(given[1]))", rows, given) == (
        "7: 2030-03-01T09:00:00Z, =cmd|'/c calc'!A1 Pat, +1 555 0100\n8: \n"
    )


def test_a_filter_is_what_the_address_says(ask: Ask) -> None:
    """Nothing else is passed on to the server, and the page of a list not to its download."""
    address = "?state=held&reason=suspect&after=8124&nonsense=1&sort="

    assert ask("list/filters.js", "filterOf(...given)", address) == {
        "state": "held",
        "reason": "suspect",
        "after": "8124",
    }
    assert ask("list/filters.js", "filterOf(...given)", address, {"page": False}) == {
        "state": "held",
        "reason": "suspect",
    }
    assert (
        ask("list/filters.js", "title(...given)", {"state": "held", "reason": "blind_key"})
        == "Held bookings, blind key"
    )
