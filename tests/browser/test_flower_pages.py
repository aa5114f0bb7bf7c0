"""Flower's own pages, as docs/page.md tells of them."""

from collections.abc import Callable

from playwright.sync_api import expect

from db.lifecycle import HoldReason, Status
from tasks.enqueue import outcome
from tasks.operations import breaker_overrides
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import Receipt, enqueue_booking


def test_tasks_queues_workers_and_revoke(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """The list names bookings only, HELD among them; a queue is empty while they wait; Revoke cancels one."""
    address = deployed.also_flower("flower of an operator", basic_auth="ann:secret")
    ann = viewer(address, http_credentials={"username": "ann", "password": "secret", "send": "always"})
    page = ann.page
    eventually(lambda: "bookings@" in _shown(ann, "/workers"), what="it hears the fleet")
    done = enqueue_booking(request(0))
    finals([done.appointment_id])
    deployed.fault("status", name="unavailable")
    held = [enqueue_booking(request(number)) for number in range(1, 8)]
    _until({Status.HELD}, held)
    deps = deployed.dependencies  # a probe would take the next one in line, and then its outcome would be unknown
    order = lambda: breaker_overrides.force(deps.engine, deps.breaker, "open", by="test", why="held")  # noqa: E731
    eventually(order, what="an order")
    last = enqueue_booking(request(8))  # held from the beginning: no worker has had it
    assert last.hold_reason is HoldReason.BREAKER_OPEN
    ann.open("/tasks")
    listed = page.locator("#tasks-table tbody tr")
    met = [one for one in held if one.hold_reason is None]  # a worker: the others came when the breaker was open
    expect(listed).to_have_count(1 + len(met))
    expect(listed.filter(has_text="HELD")).to_have_count(len(met))
    expect(listed.filter(has_text="book_appointment")).to_have_count(1 + len(met))

    ann.open("/broker")
    for queue in ("bookings", "maintenance"):
        expect(page.locator("main tr", has_text=queue)).to_have_count(1)
    expect(page.locator("main tr", has_text="bookings")).to_contain_text("0")

    answer = page.request.post(f"{address}/api/task/revoke/{last.task_id}")
    assert answer.ok, answer.text()
    _until({Status.CANCELLED}, [last])
    eventually(lambda: "REVOKED" in _shown(ann, f"/task/{last.task_id}"), what="Flower shows REVOKED")
    expect(page.locator("main")).to_contain_text("book_appointment")
    told = "SELECT by, detail->>'via' FROM appointment_events WHERE kind = 'cancelled'"
    assert deployed.rows(told) == [("operator", "Flower")]


def _shown(viewer: Viewer, path: str) -> str:
    """Open a page, which does not change by itself, and return what it shows."""
    return viewer.open(path).page.locator("main").inner_text()


def _until(states: set[Status], receipts: list[Receipt]) -> None:
    """Wait until these bookings are in these states."""

    def found() -> set[Status]:
        return {now.status for one in receipts if (now := outcome(one.appointment_id))}

    eventually(lambda: found() == states, what=str(states))
