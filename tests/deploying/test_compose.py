"""docker-compose.yml is read by docker-compose, and what it says works: commands, environments, health, panels."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploying.containers import PROFILES, ROOT, config, project

pytestmark = pytest.mark.debian_compose

SECRETS = ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "FLOWER_COOKIE_SECRET")
FILLED_IN = {
    **dict.fromkeys(SECRETS, "0123456789abcdef"),
    "FLOWER_BASIC_AUTH": "operator:secret",
    "CALCOM_BASE_URL": "http://simulator:8730",
    "CALCOM_API_KEY": "cal_test_owner",
}
TRACING = {"IMAGE_LOCK": "otel", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
NET = 560  # seconds; calls are written down once a minute


@pytest.mark.parametrize(
    "profiles", [(), ("demo",), ("monitoring",), PROFILES], ids=lambda one: "+".join(one) or "none"
)
def test_docker_compose_reads_it(tmp_path: Path, profiles: tuple[str, ...]) -> None:
    """With the example filled in, for each choice of profiles."""
    ran = config(project(tmp_path, **FILLED_IN), *profiles)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ("simulator" in json.loads(ran.stdout)["services"]) is ("demo" in profiles)


@pytest.mark.parametrize("name", [*SECRETS, "FLOWER_BASIC_AUTH"])
def test_what_is_not_filled_in_is_said(tmp_path: Path, name: str) -> None:
    """Rather than a server without a password."""
    ran = config(project(tmp_path, **{**FILLED_IN, name: ""}), *PROFILES)

    assert ran.returncode != 0
    assert re.search(rf"\b{name} is missing a value: is missing in .env", ran.stderr)


def test_an_image_can_send_traces_where_env_says_so(tmp_path: Path) -> None:
    """Of each of our services; the example has it without, and no collector in it."""
    for given, lock in (({}, "runtime"), ({"IMAGE_LOCK": ""}, "runtime"), (TRACING, "otel")):
        folder = tmp_path / f"{lock} {len(given)}"
        folder.mkdir()
        services = json.loads(config(project(folder, **FILLED_IN, **given)).stdout)["services"]
        ours = [one for one in services.values() if one.get("build", {}).get("target") == "product"]
        sent = {name: given[name] for name in ("OTEL_EXPORTER_OTLP_ENDPOINT",) if name in given}

        assert {one["build"]["args"]["LOCK"] for one in ours} == {lock}
        assert (ROOT / "requirements" / f"{lock}.lock").exists()
        found = services["maintenance"]["environment"]
        assert {name: found[name] for name in found if name.startswith("OTEL_")} == sent


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the containers as processes, once; return what was found."""
    folder = tmp_path_factory.mktemp("compose")
    read = config(project(folder, **FILLED_IN, **TRACING), *PROFILES)
    (folder / "config.json").write_text(read.stdout)
    ours = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    ran = subprocess.run(
        ["/usr/bin/unshare", "--net", "--mount", *ours, "--", sys.executable, "-m", "tests.deploying", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=NET,
    )
    logs = "".join(f"\n{path.name}:\n{path.read_text(errors='replace')[-800:]}" for path in folder.glob("*.log"))
    assert ran.returncode == 0, ran.stderr + logs
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def test_every_container_becomes_well(found: dict[str, Any]) -> None:
    """Its command starts with its environment, and its own health check says so."""
    assert (found["postgres"], found["migrate"]) == (0, 0)
    assert {name for name, well in found["well"].items() if not well} == set()


def test_no_health_check_is_well_without_what_it_checks(found: dict[str, Any]) -> None:
    """Each is asked again when its process is gone; of beat, when its tick is old."""
    assert found["still well"] == []


def test_bookings_pass_and_every_panel_shows_them(found: dict[str, Any]) -> None:
    """Each query of Grafana's dashboard is asked of the Prometheus that Grafana would ask."""
    assert found["accepted"]["accepted"] == 8
    assert found["without data"] == []


def test_prometheus_judges_by_our_rules(found: dict[str, Any]) -> None:
    """It reads the files where compose puts them."""
    assert "CalcomDown" in found["rules"]
    assert {name for name, health in found["rules"].items() if health != "ok"} == set()


def test_its_bookings_are_traced(found: dict[str, Any]) -> None:
    """The worker of maintenance sends them to the collector that `.env` names."""
    assert found["traced"]
