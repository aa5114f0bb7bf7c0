"""deploy/kubernetes is what kustomize builds and Kubernetes takes, and it runs what docker-compose.yml runs."""

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploying.containers import KUBERNETES as BASE
from tests.deploying.containers import ROOT, kustomized, pods, service_links
from worker.settings.model import Settings

pytestmark = pytest.mark.debian_compose

PROGRAMS = ("worker", "maintenance", "callbacks", "beat", "flower", "serve")
KUBERNETES = ("1.29", "1.33", "1.37")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]

Resources = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def built() -> Resources:
    """Build the base; return its resources by kind and name."""
    return kustomized(BASE)


def test_it_has_every_part_and_no_secret(built: Resources) -> None:
    """All that compose runs but the servers; nothing that is in a file of ours is a secret."""
    assert set(pods(built)) == {"migrate", *PROGRAMS}
    assert {kind for kind, _ in built} == {"ConfigMap", "Deployment", "Job", "PodDisruptionBudget", "Service"}
    settings = built["ConfigMap", "booking-settings"]["data"]
    assert {name.lower() for name in settings} <= set(Settings.model_fields)
    assert [name for name in settings if re.search("PASSWORD|KEY|SECRET|AUTH|DATABASE|REDIS|BROKER", name)] == []


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_it(built: Resources, version: str) -> None:
    """Each resource is valid by the schema of this version, without a field that it does not know."""
    for resource in built.values():
        assert kubernetes_validate.validate(resource, version, strict=True) == version


def test_the_schema_sees_a_slip(built: Resources) -> None:
    """A field that is no field, and a value of another type."""
    for name, value in {"replica": 2, "replicas": "two"}.items():
        slip = copy.deepcopy(built["Deployment", "worker"])
        slip["spec"][name] = value
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(slip, KUBERNETES[-1], strict=True)


def test_it_runs_what_compose_runs(built: Resources) -> None:
    """The same commands, and the same questions about their health; flower's is asked by Kubernetes itself."""
    running = pods(built)

    for name in ("migrate", *PROGRAMS):
        [container] = running[name]["containers"]
        assert container["command"] == COMPOSE[name]["command"]
    for name in ("worker", "maintenance", "beat"):
        kind, *words = COMPOSE[name]["healthcheck"]["test"]
        asked = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        probe = running[name]["containers"][0]["readinessProbe"]["exec"]["command"]
        assert probe == [word.replace("$$", "$") for word in asked]
    for name in ("flower", "serve"):
        [container] = running[name]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] in COMPOSE[name]["healthcheck"]["test"][-1]
    for name in ("maintenance", "serve"):
        given = {one["name"]: one["value"] for one in running[name]["containers"][0]["env"]}
        assert given.items() <= COMPOSE[name]["environment"].items()


def test_a_worker_is_not_killed_for_its_broker(built: Resources) -> None:
    """Its health is asked through the broker: without that it books on, and a kill would cut its calls off."""
    with_liveness = {name for name, pod in pods(built).items() if "livenessProbe" in pod["containers"][0]}

    assert with_liveness == {"beat", "flower", "serve"}
    assert {pods(built)[name]["terminationGracePeriodSeconds"] for name in ("worker", "maintenance")} == {60}


def test_nothing_starts_before_the_migration(built: Resources) -> None:
    """Each waits for the Job, with the settings and the secrets that it runs with itself."""
    for name in PROGRAMS:
        pod = pods(built)[name]
        [waiting] = pod["initContainers"]
        assert waiting["command"] == ["booking", "migrate", "--status", "--or-newer"]
        assert waiting["envFrom"] == pod["containers"][0]["envFrom"][:2]


def test_images_say_their_version_and_pods_have_no_rights(built: Resources) -> None:
    """The version is this project's; nobody is root, writes the image or may ask Kubernetes anything."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

    for pod in pods(built).values():
        assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["image"] == f"booking-worker:{version}"
            rights = container["securityContext"]
            assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
            assert rights["capabilities"] == {"drop": ["ALL"]}


def test_a_drained_node_leaves_a_worker_of_each_queue(built: Resources) -> None:
    """A budget selects the pods of its Deployment, of which there are more than must be there."""
    budgets = {name: one["spec"] for (kind, name), one in built.items() if kind == "PodDisruptionBudget"}

    assert set(budgets) == {"worker", "maintenance"}
    for name, budget in budgets.items():
        deployment = built["Deployment", name]["spec"]
        labels = deployment["template"]["metadata"]["labels"]
        assert budget["selector"]["matchLabels"].items() <= labels.items()
        assert deployment["selector"]["matchLabels"].items() <= labels.items()
        assert deployment["replicas"] > budget["minAvailable"]


def test_traces_are_asked_for_by_a_secret_that_may_be_missing(built: Resources) -> None:
    """Of the one worker that sends them; what the document puts into it is OpenTelemetry's own."""
    given = {name: pod["containers"][0]["envFrom"] for name, pod in pods(built).items()}
    traces = {"secretRef": {"name": "booking-traces", "optional": True}}

    assert [name for name, sources in given.items() if traces in sources] == ["maintenance"]
    assert [one for sources in given.values() for one in sources if "optional" in str(one)] == [traces]
    document = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    [created] = re.findall(r"create secret generic booking-traces (.*)", document)
    assert set(re.findall(r"--from-literal (\w+)=", created)) == {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_a_service_puts_nothing_into_our_pods(built: Resources) -> None:
    """FLOWER_PORT=tcp://... ends Flower, METRICS_PORT of another Service a worker; test_compose starts each."""
    assert {name for pod in pods(built).values() for name in service_links(built, pod) if "FLOWER" in name} == set()
    assert "FLOWER_PORT" in service_links(built, {})


def test_the_overlay_of_the_document_has_all_in_its_namespace(tmp_path: Path) -> None:
    """As its commands do, of which the first makes it: a Secret elsewhere is one that no pod finds."""
    document = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    [overlay] = re.findall(r"```yaml\n(apiVersion: kustomize.*?)```", document, re.DOTALL)
    (tmp_path / "base").symlink_to(BASE)
    (tmp_path / "kustomization.yaml").write_text(overlay.replace("../booking-worker/deploy/kubernetes", "base"))
    commands = re.findall(r"\$ kubectl (.*)", document)

    found = kustomized(tmp_path)

    assert {one["metadata"]["namespace"] for one in found.values()} == {"booking"}
    assert commands[0] == "create namespace booking"
    assert [one for one in commands[1:] if not one.startswith(("-n booking ", "apply -k "))] == []


def test_the_document_names_each_secret(built: Resources) -> None:
    """Its steps make the Secrets that pods ask for."""
    asked = {
        source["secretRef"]["name"]
        for pod in pods(built).values()
        for source in pod["containers"][0]["envFrom"]
        if "secretRef" in source
    }
    document = (ROOT / "docs" / "deploying.md").read_text("utf-8")

    assert set(re.findall(r"create secret generic (\S+)", document)) == asked
