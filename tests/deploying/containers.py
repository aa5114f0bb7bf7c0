"""docker-compose.yml as Debian's docker-compose reads it, and each of its containers as a process of this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from worker.local.embedded import Guard, find

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
PROFILES = ("demo", "monitoring")
# What the images bring: programs, and what begins their command lines.
PATH = os.pathsep.join((str(Path(sys.executable).parent), str(find.valkey()), str(find.postgres() / "bin"), os.defpath))
ENTRYPOINTS: Mapping[str, Sequence[str]] = {"prometheus": ["prometheus"]}
NAMED = ("unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"')  # a container has a name of its own
PAUSE = 1.0  # seconds between two looks: each starts an interpreter, or two
LONGEST = 60  # looks at a container before it must be well: a net


def kustomized(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Build what kustomize makes of a folder; return its resources by kind and name."""
    ran = subprocess.run(
        ["/usr/bin/kustomize", "build", folder], capture_output=True, text=True, check=True, timeout=60
    )
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(ran.stdout)}


def pods(built: Mapping[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what each Deployment and Job runs, by its name."""
    return {
        name: one["spec"]["template"]["spec"] for (_, name), one in built.items() if "template" in one.get("spec", {})
    }


def service_links(built: Mapping[tuple[str, str], dict[str, Any]], pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that Kubernetes puts into a pod: those of its own API always, others unless it says no.

    Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
    """
    services = {name: one["spec"]["ports"][0]["port"] for (kind, name), one in built.items() if kind == "Service"}
    shown = services if pod.get("enableServiceLinks", True) else {}
    links = {}
    for number, (name, port) in enumerate({"kubernetes": 443, **shown}.items(), start=1):
        prefix, address = name.upper().replace("-", "_"), f"10.96.10.{number}"
        links |= {
            f"{prefix}_SERVICE_HOST": address,
            f"{prefix}_SERVICE_PORT": str(port),
            f"{prefix}_PORT": f"tcp://{address}:{port}",
            f"{prefix}_PORT_{port}_TCP": f"tcp://{address}:{port}",
            f"{prefix}_PORT_{port}_TCP_PROTO": "tcp",
            f"{prefix}_PORT_{port}_TCP_PORT": str(port),
            f"{prefix}_PORT_{port}_TCP_ADDR": address,
        }
    return links


def project(folder: Path, **given: str) -> Path:
    """Make the folder of a deployment: the example of its `.env`, filled in, beside our files."""
    (folder / "docker-compose.yml").symlink_to(ROOT / "docker-compose.yml")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    text = (ROOT / "deploy" / "compose.env.example").read_text("utf-8")
    for name, value in given.items():
        text, found = re.subn(rf"^#? ?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        text += "" if found else f"{name}={value}\n"
    (folder / ".env").write_text(text, "utf-8")
    return folder


def config(folder: Path, *profiles: str) -> subprocess.CompletedProcess[str]:
    """Run `docker-compose config`, which needs no engine; its answer is JSON."""
    asked = [word for profile in profiles for word in ("--profile", profile)]
    # Of the environment nothing: each of its variables would come before the file's.
    return subprocess.run(
        ["/usr/bin/docker-compose", *asked, "config", "--format", "json"],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@dataclass
class Container:
    """One service: its command, environment, folder and health check as they stand in the file."""

    name: str
    service: Mapping[str, Any]
    guard: Guard
    folder: Path
    links: Mapping[str, str] = field(default_factory=dict)
    """What Kubernetes would put into its pod."""
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Make its empty working folder."""
        self.folder.mkdir()
        given = {**(self.service.get("environment") or {}), **self.links}
        surroundings = {"PATH": f"{self.folder.parent}/bin:{PATH}", "HOSTNAME": self.name, "PYTHONUNBUFFERED": "1"}
        self.environment = {**surroundings, **{name: str(value) for name, value in given.items()}}

    def start(self) -> None:
        """Run its command."""
        command = [_unescaped(word) for word in self.service["command"]]
        argv = [*NAMED, self.name, *ENTRYPOINTS.get(self.name, ()), *command]
        self.guard.start(self.name, argv, cwd=self.folder, env=self.environment, log=self.log)

    def ended(self, seconds: float = 120.0) -> int | None:
        """Return the exit code of what ends by itself."""
        return self.guard.wait(self.name, seconds)

    def run(self, *argv: str) -> str:
        """Run something inside, as `docker compose exec` does, and return what it says. Raises CalledProcessError."""
        ran = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True)
        return ran.stdout

    def health(self) -> int:
        """Run its health check once; return the exit code, 1 if it took too long."""
        check = self.service["healthcheck"]
        kind, *words = check["test"]
        argv = words if kind == "CMD" else ["sh", "-c", *words]
        minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", check["timeout"]).groups()  # type: ignore[union-attr]
        try:
            ran = subprocess.run(
                [*NAMED, self.name, *(_unescaped(word) for word in argv)],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                check=False,
                timeout=60 * int(minutes or 0) + int(seconds or 0),
            )
        except subprocess.TimeoutExpired:
            return 1
        return ran.returncode

    def becomes_well(self) -> bool:
        """Say whether its health check passes, sooner or later, while it runs."""
        for _ in range(LONGEST):
            if self.health() == 0:
                return True
            if self.guard.wait(self.name, PAUSE) is not None:
                return False
        return False

    @property
    def log(self) -> Path:
        """The file that has what it says."""
        return self.folder.parent / f"{self.name}.log"


def images(folder: Path) -> None:
    """Put beside the programs of the wheels what only the images have by its name: Valkey's client is Redis's."""
    client = shutil.which("redis-cli")
    if client is None:
        raise FileNotFoundError("redis-cli: apt-get install redis-server")
    (folder / "bin").mkdir()
    (folder / "bin" / "valkey-cli").symlink_to(client)


def read(path: Path) -> dict[str, Any]:
    """Return the services of a configuration that was written down."""
    services: dict[str, Any] = json.loads(path.read_text("utf-8"))["services"]
    return services


def _unescaped(word: str) -> str:
    return word.replace("$$", "$")
