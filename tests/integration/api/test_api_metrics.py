"""The HTTP API's own `/metrics`: what all its processes have counted, in series that no request can make more."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.api.served import Api, Serving, a_request
from tests.support.fleet import eventually
from tests.support.prometheus.exporting import Series, only_growing, page, scraped
from worker.local.embedded.server import free_port

DOCUMENT = (Path(__file__).parents[3] / "docs" / "observing.md").read_text("utf-8")
TABLE = re.compile(r"^\| `(booking_http_\w+)`", re.MULTILINE)
ENDS = re.compile(r"_(bucket|sum|count)$")
HEALTH = 'booking_http_requests_total{method="GET",route="/health",status="2xx"}'
WAITING = "booking_http_waiting{}"


@pytest.fixture
def api(serving: Serving) -> Api:
    """Start one with two processes, which Prometheus may read."""
    return serving.start(patient=False, workers=2, HTTP_METRICS_ADDRESS=f"127.0.0.1:{free_port()}")


def port_of(api: Api) -> int:
    """Return the port that Prometheus reads, when it answers."""

    def served() -> int | None:
        urls = [line["url"] for line in api.lines() if line["event"] == "metrics"]
        return int(re.search(r":(\d+)/metrics", urls[0])[1]) if urls else None  # type: ignore[index]

    found: int = eventually(served, what="its metrics are served")
    return found


def refused(seen: Series, why: str) -> float:
    """Return how many requests were refused for a reason."""
    return seen[f'booking_http_refused_total{{why="{why}"}}']


def answered(api: Api, method: str, path: str, status: int, **given: Any) -> int:
    """Send a request until it has this status, for a busy machine may be late; return how often it was sent."""
    sent = 0

    def is_so() -> bool:
        nonlocal sent
        sent += 1
        return api.call(method, path, **given).status_code == status

    eventually(is_so, what=f"{method} {path} is {status}")
    return sent


def test_all_series_begin_at_zero_and_stand_in_the_document(api: Api) -> None:
    """Of each route, before anybody has come; no other name is told."""
    port = port_of(api)
    seen = scraped(port)
    names = {ENDS.sub("", series.partition("{")[0]) for series in seen}

    assert names == set(TABLE.findall(DOCUMENT))
    quiet = {name: value for name, value in only_growing(seen).items() if "/health" not in name}  # it was waited for
    assert set(quiet.values()) == {0.0}
    assert 'booking_http_requests_total{method="POST",route="/v1/bookings/{id}/cancel",status="2xx"}' in seen


@pytest.mark.long
def test_the_requests_of_all_processes_are_counted_together(api: Api) -> None:
    """Whichever process answers Prometheus."""
    port = port_of(api)
    before = scraped(port)[HEALTH]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: api.call("GET", "/health").status_code, range(60)))
    after = scraped(port)

    assert (set(got), after[HEALTH] - before) == ({200}, 60)
    assert after['booking_http_request_seconds_count{route="/health"}'] == after[HEALTH]
    eventually(lambda: [line["event"] for line in api.lines()].count("http_begins") == 2, what="there are two")


def test_who_is_refused_is_counted_by_what_refuses(api: Api) -> None:
    """A wrong key, the rate of a key, and an address with too many wrong keys."""
    port, wrong = port_of(api), {"Authorization": "Bearer bw_nobody"}
    times = answered(api, "GET", "/v1/bookings/1", 401, headers=wrong)
    caller = api.key(rate=1)
    headers = {"Authorization": f"Bearer {caller.key}"}
    answered(api, "GET", "/v1/bookings/1", 429, headers=headers)
    seen = scraped(port)

    assert (refused(seen, "wrong_key") <= times, refused(seen, "wrong_key") > 0) == (True, True)
    assert (refused(seen, "key_rate") >= 1, refused(seen, "wrong_keys")) == (True, 0)
    answered(api, "POST", "/v1/bookings", 429, headers=headers, json=a_request())
    stored = refused(scraped(port), "key_rate")
    assert stored > refused(seen, "key_rate")
    answered(api, "GET", "/v1/bookings", 429, headers=headers)  # what is not asked together with others
    assert refused(scraped(port), "key_rate") > stored
    answered(api, "GET", "/v1/bookings/1", 429, headers=wrong)
    assert refused(scraped(port), "wrong_keys") >= 1
    assert scraped(port)['booking_http_requests_total{method="GET",route="/v1/bookings/{id}",status="4xx"}'] >= 3


def test_who_waits_is_counted_while_it_waits(api: Api) -> None:
    """And not of a process that was killed meanwhile."""
    port, caller = port_of(api), api.key()
    headers = {"Authorization": f"Bearer {caller.key}"}

    def wait_until_killed() -> None:
        with suppress(requests.RequestException):
            while True:  # a busy machine may answer that nothing was accepted
                api.call("POST", "/v1/bookings?wait=20", json=a_request(), headers=headers)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(wait_until_killed)
        eventually(lambda: waiting(port) == 2, what="both wait")
        for process in children(api):
            os.kill(process, signal.SIGKILL)
        eventually(lambda: waiting(port) == 0, what="none waits any more")


def children(api: Api) -> list[int]:
    """Return the processes that serve."""
    listed = Path(f"/proc/{api.process.pid}/task/{api.process.pid}/children").read_text().split()
    return [int(process) for process in listed]


def waiting(port: int) -> float | None:
    """Return how many wait; None: nobody answers now."""
    try:
        return scraped(port)[WAITING]
    except requests.RequestException:
        return None


def has_tried(process: int) -> bool:
    """Return whether a process has the file open whose lock lets it answer Prometheus."""
    with suppress(FileNotFoundError):  # one was closed meanwhile
        return any(link.readlink().name == "serving.lock" for link in Path(f"/proc/{process}/fd").iterdir())
    return False


def holder(api: Api) -> int:
    """Return the process that answers Prometheus: it has the lock."""
    lines = (line.split() for line in Path("/proc/locks").read_text().splitlines())
    locked = {int(pid) for _, kind, _, _, pid, *_ in lines if kind == "FLOCK"}  # who waits for one has an arrow there
    [process] = locked & set(children(api))
    return process


def test_another_process_answers_when_the_one_that_did_is_killed(api: Api) -> None:
    """No counter falls: what the dead one had counted stays. Their parent is frozen: it starts no third one.

    The other one has tried before, and did not get the lock.
    """
    port = port_of(api)
    eventually(lambda: sum(map(has_tried, children(api))) == 2, what="both have tried")
    for _ in range(20):
        api.call("GET", "/health")
    before, killed = scraped(port), holder(api)
    os.kill(api.process.pid, signal.SIGSTOP)
    os.kill(killed, signal.SIGKILL)

    after: Series = eventually(lambda: None if waiting(port) is None else scraped(port), what="another one answers")
    assert holder(api) != killed
    assert [name for name, value in only_growing(before).items() if after[name] < value] == []
    assert after[HEALTH] >= 20


SECRETS = ("quentin", "zephyr", "2025550143", "203.0.113", "bw_")


def hostile(api: Api, key: str, numbers: range) -> Iterator[requests.Response]:
    """Send requests that each have another address, key, person, host and method."""
    for number in numbers:
        headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Correlation-Id": f"zephyr-{number}"}
        mine = {"Authorization": f"Bearer {key}", **headers}
        person = {"email": f"quentin{number}@example.com", "name": "Quentin Zephyr", "time_zone": "UTC"}
        yield api.call("GET", f"/v1/zephyr-{number}", headers=headers)
        yield api.call(f"ZEPHYR{number}", f"/v1/bookings/{number}", headers=headers)
        yield api.call("GET", f"/v1/bookings/{number}", headers={**headers, "Authorization": f"Bearer bw_{number}"})
        yield api.call("POST", "/v1/bookings", json=a_request(attendee=person), headers=mine)
        yield api.call("GET", f"/v1/bookings?key=quentin-{number}&phone=+12025550143", headers=mine)
        yield api.call("POST", f"/v1/voice/retell/zephyr{number}?key={key[3:11]}", json={}, headers=headers)


def test_no_request_makes_a_series_and_nothing_of_one_is_a_label(api: Api) -> None:
    """However many keys, addresses, people and methods come."""
    port = port_of(api)
    assert len(list(hostile(api, api.key().key, range(1, 4)))) == 18
    few = scraped(port)
    for _ in range(3):
        list(hostile(api, api.key().key, range(4, 12)))
    text = page(port).lower()

    new = scraped(port).keys() - few.keys()
    closed = re.compile(r'booking_http_requests_total\{method="\w+",route="[\w/{}.]+",status="(\dxx|none)"\}')
    assert [series for series in new if not closed.fullmatch(series)] == []  # a busy machine may add a 503
    assert [secret for secret in SECRETS if secret in text] == []
    assert 'method="other"' in text


@pytest.mark.debian_promtool
def test_promtool_takes_the_page(api: Api) -> None:
    """Its names, types and texts are as Prometheus wants them."""
    text = page(port_of(api))
    ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)  # noqa: S607 - Debian's
    assert (ran.returncode, ran.stderr) == (0, "")


def test_it_is_at_no_address_of_the_callers_and_a_port_that_is_taken_ends_nothing(serving: Serving, api: Api) -> None:
    """The API's own port has no /metrics; without the port for them it serves callers all the same."""
    assert api.call("GET", "/metrics").status_code == 404
    taken = serving.start(patient=False, HTTP_METRICS_ADDRESS=f"127.0.0.1:{port_of(api)}")

    eventually(lambda: "metrics_not_served" in [line["event"] for line in taken.lines()])
    assert taken.call("GET", "/health").status_code == 200
