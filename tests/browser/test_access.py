"""Who sees the page and who may act on it; and that no booking acts by being looked at."""

from collections.abc import Callable
from functools import partial

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import TOKEN, Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking
from worker.settings.values import place_of

HOSTILE = '<img src="x" onerror="document.title=1"><script>document.title=2</script>'


def test_without_a_login_there_is_no_page_and_a_read_only_one_has_no_buttons(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """A Flower with a password, of which the viewers may look only."""
    finals([enqueue_booking(request(0)).appointment_id])
    address = deployed.also_flower("flower with a login", basic_auth="ann:secret", read_only="true")
    stranger = viewer(address)
    for path in ("/resilience", "/resilience/bookings", "/resilience/bookings/1", "/resilience/data/overview"):
        answer = stranger.page.request.get(address + path)
        assert answer.status == 401
        assert "booked" not in answer.text()

    ann = viewer(address, http_credentials={"username": "ann", "password": "secret"}).open()
    ann.sees("All is well")
    expect(ann.page.locator("#buttons")).to_contain_text("You can look, not act: this Flower is read-only")
    expect(ann.page.locator("#buttons button")).to_have_count(0)


def test_by_the_link_with_the_token_a_browser_may_act(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """Without it, it may look; no script of any page reads the token, and the address does not keep it."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer()
    there.page.context.clear_cookies()
    there.open()
    expect(there.page.locator("#buttons")).to_contain_text("You can look, not act: this Flower has no login; open the")
    expect(there.page.locator("#buttons button")).to_have_count(0)

    there.open(f"/resilience?token={TOKEN}")

    expect(there.page).to_have_url(f"{deployed.address}/resilience")
    there.press("do-open").get_by_label("Why?").press("Escape")
    assert TOKEN not in there.page.evaluate("document.cookie")
    there.act("do-open", why="a test", until="10 minutes")
    there.sees("An operator holds all back")


def search(there: Viewer, text: str) -> bool:
    """Search once; return whether it was answered: on a busy machine the page gives up, and says so."""
    with there.page.expect_response("**/resilience/data/search") as answered:
        there.page.get_by_role("searchbox").fill(text)
        there.page.keyboard.press("Enter")
    return bool(answered.value.ok)


def test_what_somebody_types_into_the_search_stands_in_no_address(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """A customer's e-mail address, say: no request has it, and so no log of a proxy; also where no script runs."""
    number = enqueue_booking(request(0, idempotency_key="pat@example.com")).appointment_id
    finals([number])
    there = viewer()
    asked: list[str] = []
    there.page.on("request", lambda one: asked.append(one.url))
    for path in ("/resilience", "/resilience/bookings", f"/resilience/bookings/{number}"):
        for text, shown in (("nobody@example.com", "No booking has"), ("pat@example.com", "")):
            there.open(path)
            eventually(partial(search, there, text), what="Postgres has answered in time")
            if shown:
                there.sees(shown, within="#found")
            else:
                expect(there.page).to_have_url(f"{deployed.address}/resilience/bookings/{number}")
    blind = viewer(java_script_enabled=False).open("/resilience/bookings")
    blind.page.on("request", lambda one: asked.append(one.url))
    blind.page.get_by_role("searchbox").fill("pat@example.com")
    with blind.page.expect_navigation():
        blind.page.keyboard.press("Enter")
    assert len(asked) > 12
    assert [url for url in asked if "example.com" in url] == []


def test_a_hostile_booking_is_text_wherever_it_is_shown(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """In its name, its key and its answers, and in what Cal.com says of it."""
    post = {"method": "POST", "path": "/v2/bookings"}
    deployed.fault("status", status=409, shape="A", message=HOSTILE, match=post)
    attendee = {"name": HOSTILE, "email": "pat@example.com", "time_zone": "UTC"}
    asked = request(0, attendee=attendee, idempotency_key=HOSTILE, metadata={"a_note": HOSTILE})
    number = enqueue_booking(asked).appointment_id
    finals([number])
    there = viewer().open("/resilience/bookings")
    expect(there.page.locator("#list")).to_contain_text(str(number))
    there.page.get_by_role("searchbox").fill(HOSTILE)
    there.page.keyboard.press("Enter")
    expect(there.page).to_have_url(f"{deployed.address}/resilience/bookings/{number}")
    expect(there.page.locator("#facts")).to_contain_text(HOSTILE)
    dialog = there.press("show-who")
    dialog.get_by_label("Why?").fill(HOSTILE)
    dialog.locator("button[type=submit]").click()
    expect(there.page.locator("#who")).to_contain_text(HOSTILE)
    expect(there.page.locator("#who")).to_contain_text(f"a_note: {HOSTILE}")  # a caller's own name, letter by letter
    expect(there.page.locator("main img, main script")).to_have_count(0)
    expect(there.page).to_have_title(
        f"Booking {number} · Resilience · {place_of(deployed.environment.servers.database_url)} · Flower"
    )
