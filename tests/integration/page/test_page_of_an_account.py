"""One account's page, and the login that sees it: an API key of the account, which opens no other address."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import flower.urls
import pytest
import requests
from sqlalchemy import text

from db.api_keys import key_text, keys
from db.api_keys.keys import Scope
from db.lifecycle import HoldReason, Status
from tests.support.accounts.making import make_account
from tests.support.fleet import Fleet
from tests.support.flower_pages import PATIENCE, FlowerUnderTest, start_flower
from worker.page import install

UUID = "0b6fbbd4-9d5e-4a3f-8f0e-6a1f5e0c7a11"
OPEN = ("/static/", "/resilience/static/", "/metrics", "/healthcheck", "/login", "/logout")


@pytest.fixture
def flower_with_login(fleet: Callable[..., Fleet]) -> FlowerUnderTest:
    """Run a Flower that asks for a login."""
    return start_flower(fleet, login=True, app="worker")


def another(record: Any) -> tuple[int, str]:
    """Add an account beside `default`."""
    number, name = make_account(record.engine)
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_accounts SET alone = false"))
    return number, name


def key_of(record: Any, account: int, *scopes: Scope) -> str:
    """Make an API key of an account."""
    handle = key_text.new_handle()
    key = key_text.new_key(handle)
    with record.engine.begin() as conn:
        kept = keys.add(
            conn,
            f"k-{handle.lower()}",
            handle,
            key_text.hash_of(key),
            scopes=scopes,
            event_types=None,
            rate=9,
            account_id=account,
        )
    assert kept
    return key


def addresses(account: str) -> Iterator[str]:
    """Yield an address of each route, Flower's own and ours."""
    for route in [*flower.urls.handlers, *install.ROUTES]:
        rule = route[0] if isinstance(route, tuple) else route.regex.pattern.rstrip("$")
        path = rule.replace(install.ACCOUNT, account).replace(install.UUID, UUID).replace(install.NUMBER, "1")
        path = path.replace(r"(csv|json)", "csv").replace(r"(\.csv)?", "").replace("/?", "")
        yield "/" + re.sub(r"\(?\.[*+]\)?", "any", path).replace("\\", "").lstrip("/")


def ask(flower: FlowerUnderTest, method: str, path: str, key: str | None) -> int:
    """Return the status of an answer to a login with a key, or to none."""
    login = {} if key is None else {"Authorization": f"Basic {b64encode(f'client:{key}'.encode()).decode()}"}
    answer = requests.request(method, flower.url + path, headers=login, timeout=PATIENCE, allow_redirects=False)
    return answer.status_code


def test_an_accounts_login_opens_its_page_and_no_other_address(flower_with_login: FlowerUnderTest, record: Any) -> None:
    """Each address answers it as one who has no login, with each method that something is read or ordered by."""
    number, name = another(record)
    _, other = another(record)
    key = key_of(record, number, Scope.REPORT, Scope.ALL)
    own = f"/resilience/accounts/{name}"

    assert {path: ask(flower_with_login, "GET", path, key) for path in (own, f"{own}.csv", f"{own}?since=30d")} == {
        own: 200,
        f"{own}.csv": 200,
        f"{own}?since=30d": 200,
    }
    paths = [*dict.fromkeys([*addresses(other), "/resilience/accounts/default", "/resilience/accounts/nobody"])]
    assert len(paths) > len(install.ROUTES)
    for path in paths:
        for method in ("GET", "POST", "PUT", "DELETE"):
            known, unknown = (ask(flower_with_login, method, path, one) for one in (key, None))
            assert known == unknown, f"{method} {path}"
            is_open = path.startswith(OPEN) or unknown in {401, 403, 404, 405}
            assert is_open, f"{method} {path} answers {unknown} to anybody"
    assert [ask(flower_with_login, method, own, key) for method in ("POST", "PUT", "DELETE")] == [405, 405, 405]


def test_only_a_key_in_force_with_the_scope_is_a_login(flower_with_login: FlowerUnderTest, record: Any) -> None:
    """Another scope, another account's key, a revoked one and no key are refused; an operator sees each account."""
    number, name = another(record)
    own, page = key_of(record, number, Scope.REPORT), f"/resilience/accounts/{name}"
    refused = {
        "another scope": key_of(record, number, Scope.BOOK, Scope.READ, Scope.ALL),
        "another account": key_of(record, 1, Scope.REPORT),
        "no key": "secret",
        "not known": key_text.new_key(key_text.new_handle()),
    }

    assert {why: ask(flower_with_login, "GET", page, key) for why, key in refused.items()} == dict.fromkeys(
        refused, 401
    )
    assert ask(flower_with_login, "GET", page, own) == 200
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE api_keys SET revoked_at = now()"))
    assert ask(flower_with_login, "GET", page, own) == 401
    assert flower_with_login.get(page).ok
    assert flower_with_login.get("/resilience/accounts/nobody").status_code == 404
    assert flower_with_login.get(f"{page}?since=1y").status_code == 422


def test_an_accounts_page_has_nothing_of_others(flower: FlowerUnderTest, record: Any) -> None:
    """And no script; its style is the one that the policy allows."""
    _, name = another(record)
    _, other = another(record)
    for account, count in ((name, 2), (other, 5)):
        for number in range(count):
            row = record.keep(idempotency_key=f"{account}-{number}", account=account)
            record.write(
                row.id, status=Status.HELD, hold_reason=HoldReason.SUSPECT, held_at=text("now()"), enqueued_at=None
            )

    page = flower.get(f"/resilience/accounts/{name}")

    assert "<td>2</td>" in page.text
    assert [word for word in (other, "default", "<script", "example.com") if word in page.text] == []
    assert "style-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
