"""An account's webhook at Cal.com is made once, held against our side, and deleted, however Cal.com answers."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from pydantic import SecretStr

from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.audit.calls import AuditHalted
from tasks.calcom_webhooks import subscription
from tasks.calcom_webhooks.hints import TRIGGERS
from tasks.calcom_webhooks.subscription import Difference, OurSide, WebhookCalls
from tasks.operations import accounts, breaker_overrides
from tasks.operations.accounts import NewAccount
from tests.support.callbacks.webhooks import GIVEN, SECRET, path, secret_of

HERE, KEY, PATH = "https://booking.example.com", "cal_test_owner", "/v2/webhooks"
THEIRS = "cal_test_host10"
Wire = Callable[..., dict[str, str]]


class CalcomSide:
    """What Cal.com has, seen and changed as its user would."""

    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator

    def call(self, method: str, path_: str = PATH, *, key: str = KEY, **body: Any) -> Any:
        """Call Cal.com with a user's key."""
        headers = {"Authorization": f"Bearer {key}"}
        answer = requests.request(method, self._simulator.url + path_, json=body or None, headers=headers, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def listed(self, key: str = KEY) -> list[dict[str, Any]]:
        """Return the webhooks of a key's user."""
        found: list[dict[str, Any]] = self.call("GET", key=key)
        return found

    def made(self, **changes: Any) -> dict[str, Any]:
        """Make one as `add` does, but for what is changed."""
        ours = {"subscriberUrl": HERE + path(), "triggers": list(TRIGGERS), "active": True, "secret": our_side().secret}
        one: dict[str, Any] = self.call("POST", **ours | changes)
        return one

    def asked(self) -> list[str]:
        """Return the methods of the calls that changed a webhook."""
        journal = self._simulator.journal()
        return [one["method"] for one in journal if one["target"].startswith(PATH) and one["method"] != "GET"]


@pytest.fixture
def there(settings: Wire, simulator: Any) -> CalcomSide:
    """Wire this process to a Cal.com without webhooks."""
    settings(**GIVEN)
    return CalcomSide(simulator)


def our_side(account: int = 1) -> OurSide:
    """Return an account's side, as the command builds it."""
    return OurSide(account, dependencies.current().webhook_secrets)


def calls(account: int = 1) -> WebhookCalls:
    """Return what calls Cal.com with an account's key, and waits for nothing."""
    made = WebhookCalls(dependencies.current(), pause=lambda _: None)
    made.use(account)
    return made


def differences() -> list[tuple[Difference, ...]]:
    """Return what is wrong with each webhook of account 1."""
    return [one.wrong for one in our_side().own(calls().listed())]


def test_a_webhook_is_made_once(there: CalcomSide) -> None:
    """With our address, secret and triggers; the same order again changes nothing, and a strange one stays."""
    there.made(subscriberUrl="https://other.example.com/hook")
    assert [subscription.add(calls(), our_side(), HERE) for _ in range(2)] == [HERE, HERE]
    assert subscription.add(calls(), our_side(), None) == HERE

    _, ours = there.listed()
    assert (ours["subscriberUrl"], ours["secret"]) == (HERE + path(), secret_of(SecretStr(SECRET), 1))
    assert (set(ours["triggers"]), ours["active"], ours["payloadTemplate"]) == (set(TRIGGERS), True, None)
    assert (there.asked(), differences()) == (["POST", "POST"], [()])


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"active": False}, Difference.OFF),
        ({"secret": "another"}, Difference.SIGNATURE),
        ({"secret": None}, Difference.SIGNATURE),
        ({"triggers": [*TRIGGERS, "BOOKING_PAID"]}, Difference.TRIGGERS),
        ({"triggers": list(TRIGGERS[1:])}, Difference.TRIGGERS),
        ({"payloadTemplate": "{}"}, Difference.TEMPLATE),
    ],
)
def test_one_that_differs_is_told_and_replaced(there: CalcomSide, changes: dict[str, Any], wrong: Difference) -> None:
    """At the same address, which Cal.com takes once."""
    there.made(**changes)
    assert differences() == [(wrong,)]

    subscription.add(calls(), our_side(), None)
    assert differences() == [()]


def test_after_a_change_of_the_secret_or_the_host_one_is_left(there: CalcomSide, settings: Wire) -> None:
    """Those of the older secret and of the older host are deleted."""
    old = there.made(subscriberUrl="https://old.example.com" + path())
    settings(CALCOM_WEBHOOK_SECRET=f"a-newer-secret-of-webhooks-with-40-letters {SECRET}")
    assert differences() == [(Difference.OLD_ADDRESS, Difference.SIGNATURE)]

    assert subscription.add(calls(), our_side(), HERE) == HERE
    [new] = there.listed()
    assert (new["id"] != old["id"], new["subscriberUrl"]) == (True, our_side().address(HERE))


@pytest.mark.parametrize("lost", ["commit_then_reset", "reset", "cut_json", "commit_then_status"])
@pytest.mark.parametrize("order", ["add", "remove"])
def test_an_answer_that_is_lost_costs_a_look(there: CalcomSide, simulator: Any, lost: str, order: str) -> None:
    """Done or not done, in the end it is done, and once."""
    if order == "remove":
        there.made()
    method = {"add": "POST", "remove": "DELETE"}[order]
    more = {"name": "internal"} if lost == "commit_then_status" else {}
    simulator.faults(lost, count=1, match={"method": method, "path": f"{PATH}*"}, **more)
    if order == "add":
        subscription.add(calls(), our_side(), HERE)
        assert differences() == [()]
    else:
        assert subscription.remove(calls(), our_side()) == 1
        assert there.listed() == []


@pytest.mark.usefixtures("there")
def test_an_order_that_cal_com_leaves_open_is_reported_and_given_again(simulator: Any) -> None:
    """Its user has one webhook afterwards, made by the first order or by the second."""
    simulator.faults("reset", match={"method": "POST", "path": PATH})
    with pytest.raises(AuditHalted, match="same order again"):
        subscription.add(calls(), our_side(), HERE)
    simulator.no_faults()

    subscription.add(calls(), our_side(), HERE)
    assert differences() == [()]


def test_a_refusal_ends_it_at_once(there: CalcomSide, simulator: Any) -> None:
    """One call, and Cal.com's own words."""
    message = "the plan has no webhooks"
    simulator.faults("status", status=403, shape="A", message=message, match={"method": "POST", "path": PATH})
    with pytest.raises(AuditHalted, match=message):
        subscription.add(calls(), our_side(), HERE)
    assert (there.asked(), there.listed()) == (["POST"], [])


def test_only_ours_is_deleted_and_nothing_to_delete_is_no_error(there: CalcomSide) -> None:
    """Another address of the same user stays, and another account's token."""
    there.made(subscriberUrl="https://other.example.com/hook")
    there.made(subscriberUrl=HERE + path(account=2))
    there.made()
    assert [subscription.remove(calls(), our_side()) for _ in range(2)] == [1, 0]
    assert len(there.listed()) == 2


def test_a_list_is_read_by_pages_and_not_for_ever(there: CalcomSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is on the last page; a server that shows the same page again and again is given up."""
    for number in range(2):
        there.made(subscriberUrl=f"https://other.example.com/{number}")
    there.made()
    monkeypatch.setattr(subscription, "MOST_LISTED", 1)
    monkeypatch.setattr(subscription, "page_after", lambda count: {"take": 1, "skip": count})
    assert differences() == [()]

    monkeypatch.setattr(subscription, "page_after", lambda _: {"take": 1, "skip": 0})
    with pytest.raises(AuditHalted, match="no end"):
        differences()


def test_an_account_has_a_webhook_of_its_own_by_its_own_key(there: CalcomSide, settings: Wire) -> None:
    """While it is paused, nothing is called for it."""
    settings(**GIVEN, ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    asked = ActionRequest(who="ann", via="command line", action=accounts.ADD, why="for a test")
    deps = dependencies.current()
    number = accounts.add(deps, NewAccount(name="salon-7"), SecretStr(THEIRS), asked, first=True).id
    subscription.add(calls(number), our_side(number), HERE)

    [theirs] = there.listed(THEIRS)
    assert (there.listed(), theirs["subscriberUrl"]) == ([], HERE + path(account=number))
    accounts.pause(deps, "salon-7", asked)
    before = there.asked()
    with pytest.raises(AuditHalted, match="paused"):
        subscription.remove(calls(number), our_side(number))
    assert there.asked() == before


def test_while_the_breaker_is_open_nothing_is_sent(there: CalcomSide) -> None:
    """As with any call."""
    deps = dependencies.current()
    breaker_overrides.force(deps.engine, deps.breaker, "open", by="ann", why="a test", until=None)
    with pytest.raises(AuditHalted, match="breaker is open"):
        subscription.add(calls(), our_side(), HERE)
    assert there.asked() == []


@pytest.mark.parametrize(
    ("given", "calcom", "refused"),
    [
        ("https://booking.example.com/", "https://api.cal.com", None), ("https://h.example.com/x", "http://c", None),
        ("http://booking.example.com", "https://api.cal.com", "https"), ("http://10.0.0.7:8080", "http://c", None),
        ("ftp://h.example.com", "http://c", "not an"), ("https://user@h.example.com", "http://c", "user"),
        ("https://h.example.com?x=1", "http://c", "not an"), ("booking.example.com", "http://c", "not an"),
    ],
)  # fmt: skip
def test_the_address_of_booking_serve_is_checked(given: str, calcom: str, refused: str | None) -> None:
    """By http only where Cal.com is reached so."""
    if refused is None:
        assert subscription.base_of(given, calcom=calcom) == given.rstrip("/")
        return
    with pytest.raises(ValueError, match=refused):
        subscription.base_of(given, calcom=calcom)
