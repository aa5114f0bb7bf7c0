"""The chart is what kustomize builds of the same folder, and each of its values does what it says and no more."""

import copy
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploying.containers import KUBERNETES as BASE
from tests.deploying.containers import ROOT, kustomized
from worker.settings.model import Settings
from worker.settings.table import CHART, rows

pytestmark = pytest.mark.debian_compose

VERSIONS = ("1.29", "1.33", "1.37")
SCHEMA = json.loads(CHART.read_text("utf-8"))
PLAIN = tuple(SCHEMA["properties"]["settings"]["properties"])
NEAR = [{"podSelector": {"matchLabels": {"from": "here"}}}]
ROOM = {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi"}}
PULL = {"imagePullSecrets": [{"name": "registry"}]}
WORKERS, OTHERS = ("worker", "maintenance", "callbacks"), ("beat", "flower", "serve")

Values = dict[str, Any]
Resources = dict[tuple[str, str], dict[str, Any]]


def nested(path: str, value: Any) -> Values:
    """Return the values in which this one is given: a.b.c."""
    for step in reversed(path.split(".")):
        value = {step: value}
    return value  # type: ignore[no-any-return]


# A value for each that the schema has: a leaf is what has no properties of its own there.
GIVEN: Mapping[str, Any] = {
    "image.repository": "registry.example.com/booking-worker",
    "image.tag": "9.9.9",
    "image.digest": f"sha256:{'0' * 64}",
    "image.pullPolicy": "Always",
    "secrets.booking": "ours",
    "secrets.flower": "pages",
    "secrets.traces": "collector",
    **{f"settings.{name}": number for number, name in enumerate(PLAIN, start=1_000_000)},
    "secretKeys": {row.name: {"name": "postgres-app", "key": "uri"} for row in rows()},
    "pod": PULL,
    "migrate.resources": ROOM,
    "migrate.pod": PULL,
    **{f"{name}.concurrency": 7 for name in WORKERS},
    **{
        f"{name}.{value}": given
        for name in (*WORKERS, *OTHERS)
        for value, given in {"enabled": False, "replicas": 5, "resources": ROOM, "pod": PULL}.items()
    },
    "networkPolicy.enabled": True,
    **{f"networkPolicy.{value}": NEAR for value in ("callers", "operators", "prometheus")},
    "networkPolicy.egress": [{"ports": [{"port": 443}]}],
}
NEEDS = {f"networkPolicy.{value}": {"enabled": True} for value in ("callers", "operators", "prometheus", "egress")}


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """List the values of the schema."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    below = schema.get("properties", {}) if path.rpartition(".")[2] != "resources" else {}
    if path and not below:
        yield path
    for name, one in below.items():
        yield from leaves(one, f"{path}.{name}" if path else name)


def ask(*asked: Values) -> list[dict[str, str]]:
    """Have Helm render the chart once for each of the values, in a process of its own."""
    ran = subprocess.run(
        [sys.executable, ROOT / "deploy" / "helm.py", "render"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers: list[dict[str, str]] = json.loads(ran.stdout)
    return answers


def resources(text: str) -> Resources:
    """Return what was rendered, by kind and name; nothing is there twice."""
    found = [one for one in yaml.safe_load_all(text) if one]
    named = {(one["kind"], one["metadata"]["name"]): one for one in found}
    assert len(named) == len(found)
    return named


@pytest.fixture(scope="module")
def rendered() -> dict[str, Resources]:
    """Render the chart with no value, and with each once; `` is that without."""
    asked = {"": {}, "network": {"networkPolicy": {"enabled": True}}}
    for path, value in GIVEN.items():
        asked[path] = nested(path, value)
        asked[path].get("networkPolicy", {}).update(NEEDS.get(path, {}))
    answers = dict(zip(asked, ask(*asked.values()), strict=True))
    assert {path: one["error"] for path, one in answers.items() if "error" in one} == {}
    return {path: resources(one["is"]) for path, one in answers.items()}


def test_it_is_what_kustomize_builds(rendered: dict[str, Resources]) -> None:
    """Resource by resource, but that Helm waits for the migration, and pods restart when a setting changes."""
    chart, base = copy.deepcopy(rendered[""]), kustomized(BASE)
    for (kind, _), one in chart.items():
        if kind == "Deployment":
            annotations = one["spec"]["template"]["metadata"]["annotations"]
            assert len(annotations.pop("checksum/settings")) == 64
            if not annotations:
                del one["spec"]["template"]["metadata"]["annotations"]
    job = chart["Job", "migrate"]
    hook = job["metadata"].pop("annotations")
    [container] = job["spec"]["template"]["spec"]["containers"]
    settings = {one["name"]: one["value"] for one in container.pop("env")}

    assert hook == {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}
    assert settings == chart["ConfigMap", "booking-settings"]["data"]
    # Before the release there is no ConfigMap of it; the Secret is there.
    [was] = base["Job", "migrate"]["spec"]["template"]["spec"]["containers"]
    assert was["envFrom"].pop(0) == {"configMapRef": {"name": "booking-settings"}}
    assert chart == base


def test_each_value_is_rendered_once() -> None:
    """A value that is new in the schema needs one here."""
    assert {*leaves(SCHEMA)} - {"global"} == {*GIVEN}


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_it_with_each_value(rendered: dict[str, Resources], version: str) -> None:
    """No field that this version does not know, and no value of another type."""
    for one in {json.dumps(one, sort_keys=True): one for all_ in rendered.values() for one in all_.values()}.values():
        assert kubernetes_validate.validate(one, version, strict=True) == version


def test_each_value_changes_what_it_names_and_nothing_else(rendered: dict[str, Resources]) -> None:
    """What is of one process is nobody else's."""
    for path in GIVEN:
        without = rendered["network" if path in NEEDS else ""]
        changed = {key for key in {*without, *rendered[path]} if without.get(key) != rendered[path].get(key)}
        first = path.partition(".")[0]
        assert changed, path
        if first in ("migrate", *WORKERS, *OTHERS):
            assert {name for _, name in changed} == {first}, path
        elif first == "networkPolicy":
            assert {kind for kind, _ in changed} == {"NetworkPolicy"}
        else:
            assert {kind for kind, _ in changed} <= {"Deployment", "Job", "ConfigMap"}


def test_a_setting_is_the_text_that_every_process_reads(rendered: dict[str, Resources]) -> None:
    """A large number is not 1e+06; the Job has it, too, and pods restart."""
    for name in PLAIN:
        found, before = rendered[f"settings.{name}"], rendered[""]
        text = str(GIVEN[f"settings.{name}"])
        [container] = found["Job", "migrate"]["spec"]["template"]["spec"]["containers"]
        assert found["ConfigMap", "booking-settings"]["data"][name] == text
        assert {"name": name, "value": text} in container["env"]
        for process in (*WORKERS, *OTHERS):
            assert found["Deployment", process]["spec"]["template"] != before["Deployment", process]["spec"]["template"]


def test_every_setting_can_be_set() -> None:
    """As a value where it is no secret, and each from a key of a Secret."""
    secret = {name.upper() for name, field in Settings.model_fields.items() if not field.repr}

    assert {*PLAIN} | secret == {row.name for row in rows()}
    assert {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "CALCOM_API_KEY"} < secret - {*PLAIN} == secret
    assert {*SCHEMA["properties"]["secretKeys"]["propertyNames"]["enum"]} == {row.name for row in rows()}


def test_a_secrets_key_comes_before_the_others(rendered: dict[str, Resources]) -> None:
    """In each container, also in the one that waits for the migration; `env` wins over `envFrom`."""
    source = {"valueFrom": {"secretKeyRef": {"name": "postgres-app", "key": "uri"}}}
    for (kind, _), one in rendered["secretKeys"].items():
        if kind in {"Deployment", "Job"}:
            pod = one["spec"]["template"]["spec"]
            for container in [*pod["containers"], *pod.get("initContainers", [])]:
                assert {"name": "DATABASE_URL", **source} in container.get("env", [])


def test_one_pod_has_no_disruption_budget(rendered: dict[str, Resources]) -> None:
    """It would only keep its node from being drained."""
    [one] = map(resources, (found["is"] for found in ask({"worker": {"replicas": 1}})))

    assert ("PodDisruptionBudget", "worker") not in one
    assert ("PodDisruptionBudget", "maintenance") in one
    assert ("PodDisruptionBudget", "worker") in rendered["worker.replicas"]
    assert [kind for kind, name in rendered["flower.enabled"] if name == "flower"] == []


def test_each_pod_is_reached_by_those_named_alone(rendered: dict[str, Resources]) -> None:
    """Callers reach the API, Prometheus the metrics, and the others nobody."""
    policies = {name: one["spec"] for (kind, name), one in rendered["network"].items() if kind == "NetworkPolicy"}
    reached = {name: [rule["ports"] for rule in one.get("ingress") or []] for name, one in policies.items()}
    base = kustomized(BASE)
    for name, policy in policies.items():
        pod = base["Job" if name == "migrate" else "Deployment", name]
        assert policy["podSelector"]["matchLabels"] == pod["spec"]["template"]["metadata"]["labels"]
        assert policy["policyTypes"] == ["Ingress"]

    http, metrics = [{"port": "http"}], [{"port": "metrics"}]
    assert reached == {
        **{name: [] for name in ("migrate", "worker", "callbacks", "beat", "flower")},
        "maintenance": [metrics],
        "serve": [http, metrics],
    }
    flower = rendered["networkPolicy.operators"]["NetworkPolicy", "flower"]["spec"]
    assert flower["ingress"] == [{"ports": http, "from": NEAR}]
    closed = rendered["networkPolicy.egress"]["NetworkPolicy", "worker"]["spec"]
    assert (closed["policyTypes"], closed["egress"]) == (["Ingress", "Egress"], GIVEN["networkPolicy.egress"])


def test_a_slip_is_refused() -> None:
    """A secret is no value, for each release keeps its values, and a name that is none is not left out silently."""
    slips = {
        "additional properties 'DATABASE_URL'": {"settings": {"DATABASE_URL": "postgresql://x"}},
        "additional properties 'CALCOM_API_KEY'": {"settings": {"CALCOM_API_KEY": "cal_x"}},
        "additional properties 'NO_SETTING'": {"settings": {"NO_SETTING": 1}},
        "got array": {"settings": {"RETENTION_DAYS": [1]}},
        "invalid propertyName 'NO_SETTING'": {"secretKeys": {"NO_SETTING": {"name": "a", "key": "b"}}},
        "missing property 'key'": {"secretKeys": {"REDIS_URL": {"name": "a"}}},
        "additional properties 'replica'": {"worker": {"replica": 2}},
        "minimum: got 0": {"worker": {"replicas": 0}},
        "additional properties 'concurrency'": {"beat": {"concurrency": 2}},
        "invalid propertyName 'containers'": {"pod": {"containers": []}},
        "additional properties 'imagePullSecrets'": {"imagePullSecrets": []},
    }

    for why, answer in zip(slips, ask(*slips.values()), strict=True):
        assert why in answer.get("error", "it was rendered")
