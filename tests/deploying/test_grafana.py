"""Grafana finds its dashboard and its Prometheus where compose puts them; its panels are asked in test_compose."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
WIDTH = 24


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def panels(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """Return a dashboard's panels."""
    found: list[dict[str, Any]] = json.loads(request.param.read_text("utf-8"))["panels"]
    return found


def inside(place: str) -> Path:
    """Return the file or folder of ours that stands at this place in Grafana's container."""
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in COMPOSE["grafana"]["volumes"] if mount[0] == ".")
    [found] = [
        ROOT / ours / place[len(target) :].lstrip("/") for ours, target in mounts.items() if place.startswith(target)
    ]
    return found


def provisioned(kind: str) -> Any:
    """Return the one thing of a kind that Grafana is told to have at its start."""
    [path] = (inside("/etc/grafana/provisioning") / kind).glob("*.yml")
    [found] = yaml.safe_load(path.read_text("utf-8"))["providers" if kind == "dashboards" else kind]
    return found


def test_it_reads_our_dashboard_and_shows_it_first() -> None:
    """From the folder that it is given; there is one to read."""
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert DASHBOARDS
    assert inside(provisioned("dashboards")["options"]["path"]) == DASHBOARDS[0].parent
    assert inside(home) in DASHBOARDS


def test_it_asks_the_prometheus_that_its_reader_chooses(panels: list[dict[str, Any]]) -> None:
    """Compose provisions one; every panel and query goes by the variable, so that it can be imported anywhere."""
    source = provisioned("datasources")
    sources = [panel["datasource"] for panel in panels]
    sources += [target["datasource"] for panel in panels for target in panel["targets"]]

    [port] = [mapping.rpartition(":")[2] for mapping in COMPOSE["prometheus"]["ports"]]
    assert source["url"] == f"http://prometheus:{port}"
    assert [one for one in sources if one != {"type": source["type"], "uid": "${datasource}"}] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_it_shows_one_deployment(path: Path) -> None:
    """Every metric that it reads is asked of the deployment that its reader chooses."""
    dashboard = json.loads(path.read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [one["expr"] for one in dashboard["annotations"]["list"]]

    metric = re.compile(r"\b(?:booking_|booking:|ALERTS)[\w:]*(.{0,27})")
    of_all = [one for one in asked if any('deployment="$deployment"' not in rest for rest in metric.findall(one))]
    assert {one["name"] for one in dashboard["templating"]["list"]} == {"datasource", "deployment"}
    assert of_all == []


def test_no_panel_hides_another(panels: list[dict[str, Any]]) -> None:
    """Each has a number of its own and a place of its own, within the width."""
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x, y in itertools.product(
            range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        )
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < WIDTH


def test_the_wait_has_its_lines(panels: list[dict[str, Any]]) -> None:
    """At what nobody notices, and at the goal of the error budget."""
    [wait] = [
        panel
        for panel in panels
        if panel["type"] == "timeseries"
        and any("booking_wait_seconds_bucket" in one["expr"] for one in panel["targets"])
    ]
    defaults = wait["fieldConfig"]["defaults"]

    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 2.5, 20]
    assert defaults["custom"]["thresholdsStyle"] == {"mode": "line"}
