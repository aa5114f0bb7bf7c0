"""How well the trend tells incidents from noise: hit rate, false alarms a week, lead before the detector's threshold.

Invented weeks (see weeks.py) are judged minute by minute, as the product judges: `--sweep` prints how the thresholds
trade hits against false alarms. The detector that it is compared with: 25 % of the last five minutes' calls, at least
ten. The forecasts are compared with what came, and with what is usual.
"""

import argparse
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean, median
from typing import Any

from weeks import DAY, LENGTH, MINUTE, START, Incident, Weeks, weeks

from db.monitoring.failure_metrics import CallWindow
from worker.cli.report.baseline import AnomalyRule, Measure, baseline, merge, score
from worker.cli.report.forecast import forecast

HISTORY = 28  # days
AFTER = 15  # minutes after an incident in which an alarm still belongs to it
Scores = list[dict[Measure, float | None]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    asked = _parser().parse_args(arguments)
    made = [
        weeks(random.Random(asked.seed + n), quiet=asked.quiet, judged=asked.judged, busiest=busiest)  # noqa: S311 - chance, not secrets
        for n, busiest in enumerate(asked.busiest)
    ]
    first = asked.quiet * 7 * DAY
    if asked.sweep:
        _sweep(made, first, same_kind=asked.same_kind)
        return
    rule = AnomalyRule()
    judged = [(one, scores(one, first, rule, same_kind=asked.same_kind)) for one in made]
    result = measure(judged, first, rule) | forecasts(made, first, random.Random(asked.seed), asked.forecasts)  # noqa: S311
    print(json.dumps(result) if asked.json else "\n".join(f"{name:24} {value}" for name, value in result.items()))


def scores(made: Weeks, first: int, rule: AnomalyRule, *, same_kind: bool = False) -> Scores:
    """Score every minute from `first` on, against the usual of its hour."""
    found: Scores = []
    around = int(rule.around / MINUTE)
    for minute in range(first, len(made.windows)):
        if minute % 60 == 0:
            middle = minute + 30
            past = (middle - day * DAY for day in range(1, HISTORY + 1) if not same_kind or _same(middle, day))
            history = [w for at in past if at > around for w in made.windows[at - around : at + around] if w]
            expected = baseline(history, START + middle * MINUTE, rule)
        span = merge(w for w in made.windows[minute + 1 - int(rule.span / MINUTE) : minute + 1] if w)
        found.append({measure: score(expected, span, measure, rule) for measure in Measure})
    return found


def measure(judged: list[tuple[Weeks, Scores]], first: int, rule: AnomalyRule) -> dict[str, Any]:
    """Count hits by shape, false alarms a week, and minutes of lead."""
    hits: dict[str, list[bool]] = {shape: [] for shape in LENGTH}
    leads: dict[str, list[int]] = {"ramp": [], "step": [], "spike": []}
    false, minutes = 0, 0
    for made, found in judged:
        alarms = list(_alarms(found, first, rule))
        minutes += len(found)
        for one in made.incidents:
            told = [at for at in alarms if one.begins <= at < one.ends + AFTER]
            hits[one.shape].append(bool(told))
            if told and one.shape in leads and (late := _detector(made.windows, one)) is not None:
                leads[one.shape].append(late - told[0])
        apart = [at for n, at in enumerate(alarms) if not n or at - alarms[n - 1] > AFTER]
        false += sum(not any(one.begins <= at < one.ends + AFTER for one in made.incidents) for at in apart)
    every = [hit for some in hits.values() for hit in some]
    return {
        "incidents": len(every),
        "hit_rate": round(sum(every) / len(every), 3),
        "hits": {shape: f"{sum(some)}/{len(some)}" for shape, some in hits.items()},
        "false_alarms_a_week": round(false / (minutes / DAY / 7), 2),
        # Minutes before the detector would have said degraded; below zero: the detector was first.
        "median_lead_minutes": {shape: median(some) for shape, some in leads.items() if some},
    }


def forecasts(made: Sequence[Weeks], first: int, rng: random.Random, count: int) -> dict[str, Any]:
    """Forecast at moments by chance, half of them in an incident, and compare with what came."""
    errors: dict[str, list[float]] = defaultdict(list)
    within: dict[str, list[bool]] = defaultdict(list)
    for one, _ in itertools.product(made, range(count)):
        bad = rng.choice(one.incidents)
        hit = rng.random() < 0.5
        at = rng.randrange(bad.begins, bad.ends) if hit else rng.randrange(first, len(one.windows) - 60)
        hit = any(bad.begins <= at < bad.ends + 60 for bad in one.incidents)
        now = START + at * MINUTE
        past = [w for day in range(1, HISTORY + 1) for w in one.windows[at - day * DAY - 15 : at - day * DAY + 60] if w]
        for measure in Measure:
            for told in forecast([*past, *(w for w in one.windows[at - 15 : at] if w)], now, measure):
                ahead = round((told.ends - now) / MINUTE)
                came = merge(w for w in one.windows[at + ahead - 15 : at + ahead] if w)
                if came.calls < 20 or came.average_ms is None:
                    continue
                value = came.rate if measure is Measure.FAILURES else came.average_ms
                name = f"{measure}, {'incident' if hit else 'quiet'}"
                errors[name].append(abs(value - told.value))
                errors[f"{name}, the usual instead"].append(abs(value - told.usual))
                within[name].append(told.low <= value <= told.high)
    return {
        "forecast_mean_error": {name: float(f"{mean(some):.3g}") for name, some in sorted(errors.items())},
        "forecast_within_its_interval": {name: round(mean(some), 3) for name, some in sorted(within.items())},
    }


def _alarms(found: Scores, first: int, rule: AnomalyRule) -> Iterator[int]:
    rows = dict.fromkeys(Measure, 0)
    for minute, told in enumerate(found, first):
        for one, value in told.items():
            rows[one] = rows[one] + 1 if value is not None and value >= rule.score else 0
        if max(rows.values()) >= rule.consecutive:
            yield minute


def _detector(windows: list[CallWindow | None], one: Incident) -> int | None:
    """Return the minute in which the failure detector would call the service degraded."""
    for minute in range(one.begins, one.ends):
        last = merge(w for w in windows[minute - 4 : minute + 1] if w)
        if last.calls >= 10 and last.rate >= 0.25:
            return minute
    return None


def _same(minute: int, day: int) -> bool:
    """Say whether both are weekdays, or both weekend."""
    return (minute // DAY % 7 > 4) == ((minute // DAY - day) % 7 > 4)


def _sweep(made: list[Weeks], first: int, *, same_kind: bool) -> None:
    print("span  score  in a row   hit rate  false a week  lead on ramps, steps, spikes (min)")
    for span in (3, 5, 10):
        rule = replace(AnomalyRule(), span=span * MINUTE)
        judged = [(one, scores(one, first, rule, same_kind=same_kind)) for one in made]
        for level in (3.0, 3.5, 4.0, 5.0, 6.0):
            for row in (1, 2, 3, 5):
                got = measure(judged, first, replace(rule, score=level, consecutive=row))
                leads = "  ".join(f"{lead:5}" for lead in got["median_lead_minutes"].values())
                figures = f"{got['hit_rate']:8.0%}  {got['false_alarms_a_week']:12.2f}  {leads}"
                print(f"{span:4}  {level:5.1f}  {row:8}   {figures}")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seed", type=int, default=1, metavar="N", help="of the chance (1)")
    made.add_argument("--quiet", type=int, default=4, metavar="WEEKS", help="without incidents, before (4)")
    made.add_argument("--judged", type=int, default=4, metavar="WEEKS", help="with incidents (4)")
    made.add_argument(
        "--busiest", type=float, nargs="+", default=[10, 40], metavar="N", help="calls a minute at noon, each (10 40)"
    )
    made.add_argument("--forecasts", type=int, default=300, metavar="N", help="made in each traffic (300)")
    made.add_argument("--same-kind", action="store_true", help="compare weekdays with weekdays, weekends with weekends")
    made.add_argument("--sweep", action="store_true", help="print the thresholds' trade")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


if __name__ == "__main__":
    main()
