"""What the page has of another Cal.com: the charts of its breaker and its calls, and what an order there would do."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text
from tornado.web import HTTPError

from db.accounts import Account
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.operations import breaker_overrides, preview
from tasks.operations.breaker_actions import AUTO, RESET
from tasks.operations.breaker_overrides import OPEN
from tasks.overview.payload import payload
from tasks.overview.reading import read_overview
from tasks.overview.verdict import verdict
from tasks.work.claim import claim
from tests.integration.accounts.test_lines import ask, hold
from tests.support import metrics
from worker.page.charts import read


def host(calcom: Any) -> str:
    """Return what operators call a Cal.com."""
    return str(calcom.url.removeprefix("http://"))


def this_minute(conn: Connection) -> datetime:
    """Return the begin of the present minute, by Postgres's clock."""
    moment: datetime = conn.execute(text("SELECT date_trunc('minute', now())")).scalar_one()
    return moment


def order(account: Account, mode: str) -> None:
    """Give an order to the breaker of an account's Cal.com."""
    deps = dependencies.current()
    breaker_overrides.force(deps.engine, deps.services.breaker(account.service), mode, by="ann", why="a test")


def test_a_preview_counts_what_the_order_is_about(clinic: Account) -> None:
    """Held bookings and calls of other Cal.coms stay as they are."""
    deps = dependencies.current()
    for one in (*ask([3], None), *ask([4, 5], clinic.name)):
        assert claim(deps, one) is not None
    hold(ask([0], None)), hold(ask([1, 2], clinic.name))
    there = deps.at_service(clinic.service)

    opens = [preview.of_breaker_action(one, OPEN).lines for one in (deps, there)]
    order(clinic, OPEN)
    ends = [preview.of_breaker_action(there, mode).lines for mode in (AUTO, RESET)]

    assert opens == [
        ("Nothing is sent until the override ends; 1 call under way goes on; new ones are held.",),
        ("Nothing is sent until the override ends; 2 calls under way go on; new ones are held.",),
    ]
    assert ends == [
        ("The override ends; 2 held go, one first.",),
        ("Closes all breakers, ends 1 override; 2 held go.",),
    ]
    assert preview.of_breaker_action(deps, AUTO).refused is not None


def test_the_charts_of_another_calcom_have_its_breaker_and_its_calls(clinic: Account, other: Any) -> None:
    """Held and booked are of all accounts; the settings' own charts stay as they are."""
    deps = dependencies.current()
    hold(ask([0], None))
    order(clinic, OPEN)
    record_transitions()
    with deps.engine.begin() as conn:
        minute = this_minute(conn) - 2 * metrics.MINUTE
        metrics.write(conn, clinic.service, CREATE, [metrics.window(minute, calls=10, failures=4)])
        metrics.write(conn, "calcom", CREATE, [metrics.window(minute, calls=10)])

    at = datetime.now(UTC)
    there, own = read("1h", deps, lambda: at, host=host(other)), read("1h", deps, lambda: at)

    lanes = [
        {lane["name"]: [span["state"] for span in lane["spans"]] for lane in one["breaker"]} for one in (there, own)
    ]
    assert lanes[0][host(other)][-1] == "forced_open"
    assert "forced_open" not in lanes[1]["calcom"]
    assert sum(sum(filter(None, counts)) for counts in there["failures"].values()) == 4
    assert own["failures"] == {}
    assert (there["held"], there["booked"]) == (own["held"], own["booked"])


@pytest.mark.usefixtures("clinic")
def test_the_charts_of_a_host_that_no_account_is_at_are_refused() -> None:
    """They would be those of nobody."""
    with pytest.raises(HTTPError, match=r"no account is at a Cal\.com of this host"):
        read("1h", dependencies.current(), host="cal.example.net")


def test_the_page_has_the_hosts_of_all_other_calcoms(clinic: Account, other: Any) -> None:
    """Also of those that are well: an order there may be wanted; that of the settings is none of them."""
    assert clinic.service != "calcom"
    seen = read_overview(dependencies.current())

    assert payload(seen, verdict(seen))["calcoms"] == [host(other)]
