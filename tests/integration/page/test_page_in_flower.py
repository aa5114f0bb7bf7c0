"""The page is a part of Flower: its navigation, its prefix, its login; and only of Flower."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.page.acting import start_flower_to_act
from tests.support.fleet import Fleet
from tests.support.flower_pages import PATIENCE, start_flower
from tests.support.logged import logged
from worker.page import install
from worker.version import version

FLOWERS_PAGES = ("/", "/workers", "/tasks", "/broker", "/no-such-page")
OURS = ("/resilience", "/resilience/", "/resilience/bookings", "/resilience/bookings/7")
DATA = (
    "/resilience/data/overview",
    "/resilience/data/charts?range=1h",
    "/resilience/data/bookings",
    "/resilience/data/bookings/7",
    "/resilience/data/search",
    "/resilience/bookings.csv",
    "/resilience/bookings.json",
)
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("prefix", ["", "below/here"])
def test_every_page_of_flower_leads_to_ours(fleet: Callable[..., Fleet], prefix: str) -> None:
    """One entry, the first; on our pages it is the current one; also below a url_prefix."""
    flower = start_flower(fleet, prefix=prefix)
    root = f"/{prefix}" if prefix else ""
    entry = f'<li class="nav-item"><a class="nav-link" href="{root}/resilience">Resilience</a></li>'
    current = entry.replace('nav-link"', 'nav-link active" aria-current="page"')

    for path in FLOWERS_PAGES:
        page = flower.get(path).text
        assert page.count(entry) == 1, path
        assert page.index(">Resilience<") < page.index(">Workers<"), path
    for path in OURS:
        answer = flower.get(path)
        assert answer.ok, path
        assert answer.text.count(current) == 1, path
    assert flower.get("/resilience/data/overview").json()["verdict"]["sentence"]
    assert f">{version()}</span>" in flower.get("/resilience").text


def test_without_a_login_no_other_name_of_this_machine_reads(fleet: Callable[..., Fleet]) -> None:
    """A website may resolve its own name to loopback: its scripts would read lists and timelines."""
    flower = start_flower(fleet)

    for path in DATA:
        answer = flower.get(path, headers={"Host": "example.com"})
        assert (answer.status_code, answer.json().keys()) == (403, {"error"}), path
        assert "no login" in answer.json()["error"]
        assert flower.get(path).status_code != 403, path
    for path in OURS:
        assert flower.get(path, headers={"Host": "example.com"}).status_code == 403, path
    known = start_flower(fleet, login=True)
    assert known.get(DATA[0], headers={"Host": "example.com"}).ok, "a login is known to one website alone"


def test_head_answers_as_get_without_a_body(fleet: Callable[..., Fleet]) -> None:
    """A probe of a load balancer, or a link checker, asks so; a file is not read for it."""
    flower = start_flower(fleet)
    for path in (*OURS, *DATA):
        asked, head = flower.get(path), flower.session.head(flower.url + path, timeout=PATIENCE)
        assert (head.status_code, head.content) == (asked.status_code, b""), path
        assert head.headers["Content-Type"] == asked.headers["Content-Type"], path
    assert flower.session.head(f"{flower.url}/resilience/actions/preview", timeout=PATIENCE).status_code == 405


def test_a_number_that_no_booking_can_have_is_our_own_404(fleet: Callable[..., Fleet]) -> None:
    """Of twenty digits, and of thousands: neither Flower's page nor an error of PostgreSQL."""
    flower = start_flower_to_act(fleet)
    for number in ("12345678901234567890", "9" * 5000):
        page = flower.get(f"/resilience/bookings/{number}")
        assert (page.status_code, f'data-id="{number}"' in page.text) == (404, True)
        answer = flower.get(f"/resilience/data/bookings/{number}")
        assert (answer.status_code, answer.json()) == (404, {"error": f"no booking has the id {number[:40]}"})
        shown = flower.post(f"/resilience/bookings/{number}/who", {"why": "a test"})
        assert shown.status_code == 404
    assert flower.get("/resilience/data/bookings/000007").status_code == 404


def test_a_navigation_of_another_kind_is_left_as_it_is() -> None:
    """A later Flower may be built otherwise: its pages stay whole, and somebody is told."""
    navigation = "<nav><a href='/workers'>Workers</a></nav>"

    with logged() as lines:
        assert install.with_entry(navigation, "", active=False) == navigation
    assert [line["event"] for line in lines] == ["navigation_not_known"]


def test_a_worker_loads_nothing_of_the_page() -> None:
    """`celery` loads Flower's routes in each of its processes; ours stand there by name."""
    script = "import sys, celery.bin.celery, worker; worker.app; print([n for n in sys.modules if 'worker.page' in n])"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert ran.stdout == "['worker.page', 'worker.page.install']\n"


def test_no_login_no_page(fleet: Callable[..., Fleet]) -> None:
    """Pages as Flower's own, data as JSON; nothing else is said to a stranger."""
    flower = start_flower(fleet, login=True)
    for stranger in (None, ("ann", "wrong"), ("ann", "s\u00e9cret")):
        for path in OURS:
            assert flower.get(path, auth=stranger).status_code == 401, path
        for path in DATA:
            answer = flower.get(path, auth=stranger)
            assert (answer.status_code, answer.json()) == (401, {"error": "log in"}), path
    assert [path for path in OURS if not flower.get(path).ok] == []


def test_without_a_session_oauth_leads_to_its_login(fleet: Callable[..., Fleet]) -> None:
    """A page leads there, data say so; a cookie that this Flower did not sign is none."""
    flower = start_flower(
        fleet,
        "--auth=.*@example.com",
        "--auth_provider=flower.views.auth.GithubLoginHandler",
        "--oauth2_key=k",
        "--oauth2_secret=s",
        "--oauth2_redirect_uri=http://127.0.0.1/login",
    )
    for cookies in ({}, {"user": "2|1:0|10:1795676985|4:user|20:YW5uQGV4YW1wbGUuY29t|00"}):
        page = flower.get("/resilience", allow_redirects=False, cookies=cookies)
        assert (page.status_code, page.headers["Location"]) == (302, "/login?next=%2Fresilience")
        assert flower.get("/resilience/data/overview", cookies=cookies).status_code == 401


def test_our_answers_are_for_our_page_alone(fleet: Callable[..., Fleet]) -> None:
    """Nothing from elsewhere runs there or reads along, also where Flower's own API is opened to every website."""
    flower = start_flower(fleet, FLOWER_UNAUTHENTICATED_API="true")
    assert flower.get("/workers").headers["Access-Control-Allow-Origin"] == "*", "as Flower has it"
    for path in (*OURS, *DATA, "/resilience/static/no-such-file.js"):
        headers = flower.get(path).headers
        assert "default-src 'none'; script-src 'self';" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert headers["Cache-Control"] in {"no-cache", "no-store"}, path
        assert headers["Date"], path
        assert [name for name in headers if name.startswith("Access-Control")] == [], path
    assert flower.get("/resilience/data/bookings/7").headers["Cache-Control"] == "no-store"
