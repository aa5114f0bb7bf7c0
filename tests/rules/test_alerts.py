"""Each alert rings under the fault that it is for, as it was recorded from the product, and none in a quiet hour."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.rules.faults import FAULTS
from tests.rules.recording import EVERY, RECORDED, RULES, metrics_of_the_rules, read, values

pytestmark = pytest.mark.debian_promtool
ROOT = Path(__file__).parents[2]
ALERTS = {
    rule["alert"]
    for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
EVALUATED = 15  # seconds
QUIET = FAULTS["quiet"].seconds


def promtool(*arguments: str | Path) -> str:
    """Run promtool; fail with what it says."""
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)  # noqa: S607 - Debian's
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def rang(
    tmp_path: Path, lines: dict[str, str], *, seconds: int, expected: dict[str, bool], deployment: str = ""
) -> None:
    """Replay series, and hold which alerts rang at any time, and of which deployment, against what is expected."""
    ever = (
        'group by (alertname, deployment) (max_over_time(ALERTS{{alertstate="firing",alertname="{name}"}}[{seconds}s]))'
    )
    its_label = f',deployment="{deployment}"' if deployment else ""
    asked = [
        {
            "expr": ever.format(name=name, seconds=seconds),
            "eval_time": f"{seconds}s",
            "exp_samples": [{"labels": f'{{alertname="{name}"{its_label}}}', "value": 1}] if rings else [],
        }
        for name, rings in expected.items()
    ]
    series = [{"series": name, "values": told} for name, told in lines.items()]
    test = {"interval": f"{EVERY}s", "input_series": series, "promql_expr_test": asked}
    file = tmp_path / "test.yml"
    told = {"rule_files": [str(RULES)], "evaluation_interval": f"{EVALUATED}s", "tests": [test]}
    file.write_text(json.dumps(told), encoding="utf-8")  # JSON is YAML
    promtool("test", "rules", file)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_alerts_ring_under_the_fault_that_they_are_for_and_no_other(name: str, tmp_path: Path) -> None:
    """Recorded by the command that the file names; what a fault may bring about beside it is said in faults.py."""
    told, fault = read(name), FAULTS[name]
    expected = {alert: alert in fault.rings for alert in sorted(ALERTS - fault.may)}

    rang(tmp_path, told["series"], seconds=fault.seconds, expected=expected)


def labelled(lines: dict[str, str], deployment: str) -> dict[str, str]:
    """Return the series as a scrape with this label has them."""
    label = f'{{deployment="{deployment}",'
    return {name.partition("{")[0] + label + (name.partition("{")[2] or "}"): told for name, told in lines.items()}


@pytest.mark.parametrize("name", sorted(name for name, fault in FAULTS.items() if fault.seconds <= QUIET))
def test_an_alert_is_of_the_deployment_that_has_the_fault(name: str, tmp_path: Path) -> None:
    """Another one is well in the same Prometheus: it hides no fault, and none is told of it."""
    told, fault = read(name), FAULTS[name]
    expected = {alert: alert in fault.rings for alert in sorted(ALERTS - fault.may - {"MetricsGone"})}
    both = labelled(told["series"], "east") | labelled(read("quiet")["series"], "west")

    rang(tmp_path, both, seconds=fault.seconds, expected=expected, deployment="east")


def test_metrics_that_are_gone_are_told_of_their_deployment(tmp_path: Path) -> None:
    """The others' are there: only the scrape itself tells which are missing."""
    scrape = 'up{job="booking-worker"}'
    well = labelled(read("quiet")["series"] | {scrape: "1x60"}, "west")

    rang(
        tmp_path,
        well | labelled({scrape: "0x60"}, "east"),
        seconds=300,
        expected={"MetricsGone": True},
        deployment="east",
    )


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_each_recording_is_as_long_as_its_fault_and_tells_all_that_the_rules_read(name: str) -> None:
    """Made by the command that it names, of the fault as it stands now: what is not told keeps every alert silent."""
    told, fault = read(name), FAULTS[name]

    assert (told["made_by"], told["fault"]) == (f"python -m tests.rules {name}", fault.about)
    assert told["scrapes"] * EVERY == fault.seconds
    assert {series.partition("{")[0] for series in told["series"]} == metrics_of_the_rules()


def test_every_alert_has_a_fault() -> None:
    """And every fault a recording; a whole hour is quiet."""
    assert set().union(*(fault.rings for fault in FAULTS.values())) == ALERTS
    assert {path.stem for path in RECORDED.glob("*.json")} == set(FAULTS)
    assert (FAULTS["quiet"].seconds, FAULTS["quiet"].steps, FAULTS["quiet"].may) == (3600, (), frozenset())


def test_rules_and_configuration_are_accepted() -> None:
    """By Prometheus's own check."""
    promtool("check", "rules", RULES)
    promtool("check", "config", RULES.with_name("prometheus.yml"))


def test_a_gap_is_told_as_prometheus_sees_it() -> None:
    """What a scrape no longer has is stale at once, and no alert goes on by an old value."""
    assert values([1, 1, 1, None, None, 2, None]) == "1x2 stale _x1 2 stale"
    assert values([None, None, 3]) == "_x2 3"
