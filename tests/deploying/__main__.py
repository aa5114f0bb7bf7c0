"""Run docker-compose.yml's containers as processes, in namespaces of their own, and print what came of it.

They have the variables that Kubernetes would set as well: it runs the same commands.

    unshare --net --mount -- python -m tests.deploying FOLDER

So names, ports and places of files are the containers' own, word for word. FOLDER has `config.json`, as docker-compose
reads the file for both profiles. Grafana is not run, for Debian has none: its panels are asked of Prometheus instead.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import psycopg

from tests.deploying.containers import KUBERNETES, ROOT, Container, images, kustomized, pods, read, service_links
from tests.support.tracing.collector import collecting
from worker.local.embedded import Guard, Postgres, find
from worker.local.embedded.server import ServerLayout

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "booking.json"
RUN = ("valkey", "simulator", "worker", "maintenance", "callbacks", "beat", "flower", "serve", "prometheus")
COLLECTOR = 4318  # OpenTelemetry's own port
HEALTH = "http://serve:8080/health"
PANEL_ROUNDS = 400  # rounds of all that are still without data, half a second apart: a net
CHECKS = 2  # health checks at once: each starts an interpreter, and all at once they make each other late
BOOK_ROUNDS = 60  # rounds after which more is booked: a minute in which Valkey began, or was late, has no figures


def isolate(folder: Path, services: Mapping[str, Any]) -> None:
    """Bring loopback up, give each container's name an address, and put its files where it looks for them."""
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *services)))
    subprocess.run(["/usr/bin/mount", "--bind", hosts, "/etc/hosts"], check=True)
    [rules] = [each for each in services["prometheus"]["volumes"] if each["type"] == "bind"]
    faster = folder / "rules"
    faster.mkdir()
    for path in Path(rules["source"]).iterdir():
        # Nobody waits for three scrapes and a judgement here.
        text = re.sub(r"(scrape|evaluation)_interval: \d+s", r"\1_interval: 1s", path.read_text("utf-8"))
        (faster / path.name).write_text(text, "utf-8")
    subprocess.run(["/usr/bin/mount", "--bind", faster, rules["target"]], check=True)


def postgres(guard: Guard, url: str) -> Postgres:
    """Start PostgreSQL with the password and on the port that the containers are told."""
    told = urlsplit(url)
    user = find.server_user()
    programs = find.reachable(find.postgres(), Postgres.program, user, guard.folder)
    layout = ServerLayout(guard.folder(), programs, user, durable=False)
    server = Postgres(guard, layout, port=told.port, password=told.password or "")
    server.prepare()
    server.start()
    return server


def ask(url: str, body: Any = None) -> Any:
    """Return the JSON that a page answers with."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
        return json.load(answer)


def panels() -> Iterator[tuple[str, str]]:
    """Return each panel's title with each of its queries."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$deployment", "booking")


def has_data(expression: str) -> bool:
    """Say whether Prometheus has a number for it."""
    asked = urlencode({"query": expression})
    answer = ask(f"http://prometheus:9090/api/v1/query?{asked}")
    return any(one["value"][1] != "NaN" for one in answer["data"]["result"])


def book(worker: Container, day: int) -> dict[str, Any]:
    """Ask for eight bookings of a day, and return what the command prints."""
    lines = [
        json.dumps(
            {
                "event_type_id": 110,
                "start": f"2030-03-{day:02}T{9 + number:02}:00:00Z",
                "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"},
            }
        )
        for number in range(8)
    ]
    (worker.folder / "requests.jsonl").write_text("\n".join(lines))
    printed: dict[str, Any] = json.loads(worker.run("booking", "enqueue", "requests.jsonl", "--json"))
    return printed


def without_data(guard: Guard, worker: Container) -> list[str]:
    """Return the queries of panels that stay without data, however often the API is asked and more is booked."""
    left = list(panels())
    for number in range(1, PANEL_ROUNDS + 1):
        with urlopen(HEALTH, timeout=10):
            pass  # its rate has figures once it has risen between two scrapes
        left = [one for one in left if not has_data(one[1])]
        if not left:
            break
        guard.wait("prometheus", 0.5)
        if number % BOOK_ROUNDS == 0:
            book(worker, day=1 + number // BOOK_ROUNDS)
    return [f"{title}: {expression}" for title, expression in left]


def run(folder: Path) -> dict[str, Any]:
    """Run everything, book, look at every panel, and end one after the other."""
    services = read(folder / "config.json")
    isolate(folder, services)
    images(folder)
    with Guard() as guard, collecting(COLLECTOR) as (_, traces):
        built = kustomized(KUBERNETES)
        links = {name: service_links(built, pod) for name, pod in pods(built).items()}
        of = {
            name: Container(name, service, guard, folder / name, links.get(name, {}))
            for name, service in services.items()
        }
        server = postgres(guard, of["worker"].environment["DATABASE_URL"])
        found: dict[str, Any] = {"postgres": of["postgres"].health()}
        of["valkey"].start()
        found["valkey"] = of["valkey"].becomes_well()
        of["migrate"].start()
        found["migrate"] = of["migrate"].ended()
        for name in RUN[1:]:
            of[name].start()
        with ThreadPoolExecutor(CHECKS) as pool:
            found["well"] = dict(zip(RUN, pool.map(lambda name: of[name].becomes_well(), RUN), strict=True))
        if all(found["well"].values()):
            # All counters are there before anything is counted, so that each rise is seen.
            while_none = "booking_accepted_total == 0 and on () booking_calcom_request_seconds_count == 0"
            wait_for(guard, while_none)
            ask("http://simulator:8730/_faults", {"kind": "status", "name": "unavailable", "count": 1})
            found["accepted"] = book(of["worker"], day=1)
            found["without data"] = without_data(guard, of["worker"])
            found["rules"] = rules()
            found["traced"] = traced(guard, traces)
        guard.end("beat")
        with psycopg.connect(server.url, autocommit=True) as admin:  # nobody waits here for it to grow old
            admin.execute("UPDATE heartbeats SET ticked_at = ticked_at - interval '1 minute'")
        for name in reversed(RUN[1:]):
            guard.end(name)
        ended = [name for name in RUN if name != "valkey"]
        with ThreadPoolExecutor(CHECKS) as pool:
            found["still well"] = [
                name
                for name, code in zip(ended, pool.map(lambda name: of[name].health(), ended), strict=True)
                if not code
            ]
        guard.end("valkey")
        server.kill()
        found["still well"] += [name for name in ("valkey", "postgres") if of[name].health() == 0]
    return found


def rules() -> dict[str, str]:
    """Return the rules that Prometheus has, and whether it could judge by them."""
    groups = ask("http://prometheus:9090/api/v1/rules")["data"]["groups"]
    return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def traced(guard: Guard, traces: list[bytes]) -> bool:
    """Say whether the collector was sent a booking that is confirmed, or is within a net of time."""
    for _ in range(PANEL_ROUNDS):
        if any(b"move confirmed" in batch for batch in list(traces)):
            return True
        guard.wait("maintenance", 0.5)
    return False


def wait_for(guard: Guard, expression: str) -> None:
    """Return when Prometheus has data for it, or after a net of time."""
    for _ in range(PANEL_ROUNDS):
        if has_data(expression):
            return
        guard.wait("prometheus", 0.5)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(Path(sys.argv[1]))) + "\n")
