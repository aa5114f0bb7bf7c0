"""A person decides from a booking's page what no lookup proves: it is booked, as this uid; it is not booked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import expect

from db.lifecycle import Status
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.changes import held_change
from tests.support.fleet import finals, row
from worker import enqueue_booking

WHY = "a test of the page"


def test_a_person_who_knows_it_is_booked_says_so(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """By its uid, if Cal.com shows our reference there; a wrong uid changes nothing, and both are recorded."""
    made = unknown(deployed)
    there = viewer().open(f"/resilience/bookings/{made['id']}")
    for uid, said in (("nobodyhasthis", "knows neither a booking nor a seat"), (made["uid"], "It is confirmed.")):
        dialog = there.press("do-resolve")
        dialog.get_by_label("Its uid at Cal.com").fill(uid)
        dialog.get_by_label("Why?").fill(WHY)
        dialog.locator("button[type=submit]").click()
        expect(dialog).to_contain_text(said)
        dialog.get_by_role("button", name="Close").last.click()
    expect(there.page.locator("#state")).to_have_text("confirmed")
    recorded = deployed.rows("SELECT target->>'uid', refused IS NULL, why FROM operator_actions ORDER BY id")
    assert recorded == [("nobodyhasthis", False, WHY), (made["uid"], True, WHY)]


def test_a_person_who_knows_it_is_not_booked_has_looked(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """The tick is no choice there: without it nothing is sent."""
    made = unknown(deployed)
    there = viewer().open(f"/resilience/bookings/{made['id']}")
    dialog = there.press("do-not_booked")
    dialog.get_by_label("Why?").fill(WHY)
    send = dialog.get_by_role("button", name="Send it again")
    expect(send).to_be_disabled()
    dialog.get_by_label("I looked at Cal.com").check()
    send.click()
    expect(dialog.locator(".done")).to_have_text("Sent again.")
    [(target,)] = deployed.rows("SELECT target FROM operator_actions")
    assert target == {"not_booked": True}


def test_a_person_says_what_became_of_a_held_move(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """A word that Cal.com denies changes nothing; the new uid is asked for, and need not be given."""
    number = enqueue_booking(request(0)).appointment_id
    start = finals([number])[number].start
    held_change(deployed.dependencies, row(number), start + timedelta(hours=1))
    there = viewer().open(f"/resilience/bookings/{number}")
    for key, send, said in (
        ("do-done", "It was done", "nothing was changed"),
        ("do-not_done", "It was not done", "Its change counts as not done."),
    ):
        dialog = there.press(key)
        dialog.get_by_label("Why?").fill(WHY)
        expect(dialog.get_by_label("Its new uid at Cal.com")).to_have_count(int(key == "do-done"))
        dialog.get_by_role("button", name=send, exact=True).click()
        expect(dialog).to_contain_text(said)
        dialog.get_by_role("button", name="Close").last.click()
    recorded = deployed.rows("SELECT target->>'done', refused IS NULL, why FROM operator_actions ORDER BY id")
    assert recorded == [("true", False, WHY), ("false", True, WHY)]


def unknown(deployed: Deployment) -> dict[str, Any]:
    """Make a booking at Cal.com of which the record does not know, held for a person; return its id and uid."""
    number = enqueue_booking(request(0)).appointment_id
    assert finals([number])[number].status is Status.CONFIRMED
    [(uid,)] = deployed.rows("SELECT calcom_booking_uid FROM appointments WHERE id = %(id)s", id=number)
    deployed.rows(
        """UPDATE appointments SET status = 'held', hold_reason = 'blind_key', held_at = now(), held_for = %(key)s,
        outcome_unknown = true, calcom_booking_uid = NULL, sent_at = now() - interval '5 minutes',
        settle_at = now() - interval '3 minutes' WHERE id = %(id)s""",
        id=number,
        key=deployed.dependencies.calcom.key_fingerprint,
    )
    return {"id": number, "uid": uid}
