"""`POST /v1/callbacks/test`: who sets a receiver up is sent a signed sample at once, and told what came of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from db.api_keys.keys import Scope
from db.engine import make_engine
from tasks.callbacks.signing import secrets_of
from tests.support.api.served import Api, Caller, Serving, a_request
from tests.support.callbacks.callers import LOOPBACK
from tests.support.callbacks.receiver import Receiver, receiver
from tests.support.fleet import eventually
from tests.support.zygote import Zygote
from worker.api.callbacks.samples import A_MINUTE

TEST = "/v1/callbacks/test"


@pytest.fixture(scope="module")
def served(
    module_database_url: str, valkey_url: str, tmp_path_factory: pytest.TempPathFactory, zygote: Zygote
) -> Iterator[Serving]:
    """Start APIs before one database."""
    engine = make_engine(module_database_url)
    given, folder = {"DATABASE_URL": module_database_url, "REDIS_URL": valkey_url}, tmp_path_factory.mktemp("served")
    with Serving({**given, **LOOPBACK}, engine, folder, zygote) as serving:
        yield serving
    engine.dispose()


@pytest.fixture(scope="module")
def api(served: Serving) -> Api:
    """Serve one whose callbacks may go to this machine."""
    return served.start()


@pytest.fixture
def to() -> Iterator[Receiver]:
    """Run a receiver."""
    with receiver() as one:
        yield one


def sent_to(api: Api, url: str | None) -> Caller:
    """Make a key whose callbacks go to an address."""
    caller = api.key()
    api.sql("UPDATE api_keys SET callback_url = :url WHERE name = :name", url=url, name=caller.name)
    return caller


def test_a_sample_is_sent_as_each_callback_of_the_key_is(api: Api, to: Receiver) -> None:
    """At once, with the key's own signature; about no booking, and nothing is stored of it."""
    caller = sent_to(api, f"{to.url}?of=shop")
    number = api.sql("SELECT id FROM api_keys WHERE name = :name", name=caller.name)

    answers = [caller.call("POST", TEST) for _ in range(2)]

    names = [answer.json()["webhook_id"] for answer in answers]
    assert [answer.json() for answer in answers] == [
        {"delivered": True, "trouble": None, "webhook_id": name} for name in names
    ]
    assert (to.names, len(set(names)), {one.path for one in to.got}) == (names, 2, {"/hooks?of=shop"})
    [secret] = secrets_of([SecretStr(LOOPBACK["CALLBACK_SECRET"])], number, 1)
    for one in to.got:
        Webhook(secret).verify(one.text, one.headers)
        assert {**one.body, "timestamp": ""} == {"type": "callback.test", "timestamp": "", "sequence": 0, "data": {}}
    assert api.sql("SELECT count(*) FROM callbacks") == 0


@pytest.mark.parametrize(("status", "trouble"), [(500, "500"), (410, "410"), (302, "302")])
def test_what_the_receiver_answers_is_told(api: Api, to: Receiver, status: int, trouble: str) -> None:
    """And changes nothing: no host rests, and no address is switched off."""
    to.answer = lambda _: (status, {"Location": to.url})
    caller = sent_to(api, to.url)

    told = caller.call("POST", TEST).json()

    assert (told["delivered"], told["trouble"], len(to.got)) == (False, trouble, 1)
    assert api.sql("SELECT callback_off_at FROM api_keys WHERE name = :name", name=caller.name) is None
    assert api.sql("SELECT count(*) FROM callback_hosts") == 0


def test_a_sample_goes_nowhere_that_a_callback_may_not(api: Api) -> None:
    """By the address as it is stored, which no request names."""
    told = sent_to(api, "http://10.0.0.7/").call("POST", TEST).json()

    assert (told["delivered"], "10.0.0.7" in str(told)) == (False, False)


def test_without_an_address_or_a_right_there_is_none(api: Api, served: Serving, to: Receiver) -> None:
    """409 and 403; without CALLBACK_SECRET 409, and the log says why."""
    off = sent_to(api, to.url)
    api.sql("UPDATE api_keys SET callback_off_at = now() WHERE name = :name", name=off.name)
    unsigned = served.start(CALLBACK_SECRET="")

    answers = [one.call("POST", TEST) for one in (sent_to(api, None), off, replace(sent_to(api, to.url), api=unsigned))]

    told = [(one.status_code, one.json().get("type")) for one in answers]
    assert told == [(409, "/problems/no-callback")] * 3
    assert api.key([Scope.BOOK]).call("POST", TEST).status_code == 403
    assert to.got == []
    why = eventually(lambda: [line["why"] for line in unsigned.lines() if "why" in line], what="the log says why")
    assert why[0].startswith("CALLBACK_SECRET is not set")


def test_six_samples_a_minute_are_sent(api: Api, to: Receiver) -> None:
    """Of one key; another key's are counted by themselves."""
    one, other = sent_to(api, to.url), sent_to(api, to.url)

    codes = [one.call("POST", TEST).status_code for _ in range(A_MINUTE + 1)]

    assert codes == [200] * A_MINUTE + [429]
    assert (other.call("POST", TEST).status_code, len(to.got)) == (200, A_MINUTE + 1)


def test_a_receiver_that_hangs_holds_up_no_booking(api: Api, to: Receiver) -> None:
    """The sample is given up after ten seconds; meanwhile the key's bookings are stored."""
    to.answer = lambda _: None
    caller = sent_to(api, to.url)

    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(caller.call, "POST", TEST)
        eventually(lambda: to.got, what="it waits for the receiver")
        booked = caller.book(a_request()).status_code

    assert (booked, asked.result().json()["trouble"]) == (202, "no answer: timeout")
