"""`booking accounts import`: many clients in one run, each ready to book, and the same file again changes nothing."""

import csv
import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from sqlalchemy import text

from db.engine import make_engine
from tasks import dependencies
from tests.sizes import Counted, sizes
from tests.support.api.served import Serving
from tests.support.fleet import Fleet
from worker.api.voice.schemas import SCHEMAS

Booking = Callable[..., Any]
FIRST = 1001  # the event type, and the host, of the first client
URL = "https://booking.example.com"
ENCRYPTION = {"ACCOUNT_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
RETELL = "retell-key-of-client-{:04}"
MAKES_A_WEBHOOK = ("POST", "/v2/webhooks")
KINDS = ("calcom_accounts", "api_keys", "voice_secrets")


@pytest.fixture
def clients(simulator: Any, tmp_path: Path) -> Callable[..., Path]:
    """Write a file of clients, each with an event type and a host of its own at Cal.com."""

    def write(count: int, **more: str) -> Path:
        for number in range(FIRST, FIRST + count):
            simulator.event_type(number)
        rows = [
            {
                "name": f"client-{number}",
                "key": f"cal_test_host{number}",
                "types": str(number),
                "zone": "Europe/Berlin",
                "language": "de",
                "retell": RETELL.format(number),
                **more,
            }
            for number in range(FIRST, FIRST + count)
        ]
        return written(tmp_path / "clients.csv", rows)

    return write


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a file of clients."""
    made = StringIO()
    lines = csv.DictWriter(made, fieldnames=[*rows[0]])
    lines.writeheader()
    lines.writerows(rows)
    path.write_text(made.getvalue())
    return path


@pytest.fixture
def bring(settings: Callable[..., dict[str, str]], call: Booking, tmp_path: Path) -> Callable[..., Any]:
    """Import a file, into the test's folder."""
    settings(**ENCRYPTION)

    def run(file: Path, *more: str, url: str = URL) -> Any:
        return call("accounts", "import", str(file), "--url", url, "--out", str(tmp_path / "out"), "--yes", *more)

    return run


def counts() -> list[int]:
    """Return how many rows each table has that an import fills."""
    with dependencies.current().engine.connect() as conn:
        return [conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in KINDS]  # noqa: S608 - ours


def test_each_client_has_all_and_the_same_file_again_changes_nothing(
    bring: Callable[..., Any], clients: Callable[..., Path], tmp_path: Path
) -> None:
    """Account, API key, secret and tools; a line each."""
    file = clients(3)
    ran = bring(file)
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}

    assert (ran.code, counts()) == (0, [4, 3, 3])
    assert [line.split()[:2] for line in ran.out.splitlines()[:3]] == [["ok", f"client-{FIRST + n}"] for n in range(3)]
    assert "account added; API key made; Retell's secret stored; " in ran.out
    assert sorted(files) == [f"client-{FIRST + n}.json" for n in range(3)]

    again = bring(file)

    assert (again.code, counts()) == (0, [4, 3, 3])
    assert "account added" not in again.out
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == files


def test_what_is_secret_is_in_its_owners_file_alone(
    bring: Callable[..., Any], clients: Callable[..., Path], tmp_path: Path
) -> None:
    """No line, no log and no row of the actions has a key or a secret."""
    ran = bring(clients(1))
    path = tmp_path / "out" / f"client-{FIRST}.json"
    shown = json.loads(path.read_text())
    with dependencies.current().engine.connect() as conn:
        actions = conn.execute(text("SELECT string_agg(a::text, ' ') FROM operator_actions a")).scalar_one()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for secret in (f"cal_test_host{FIRST}", RETELL.format(FIRST), shown["api_key"]):
        assert secret not in ran.said + actions
    assert (f"cal_test_host{FIRST}" in path.read_text(), RETELL.format(FIRST) in path.read_text()) == (False, False)


def test_a_dry_run_stores_nothing_and_asks_nobody(
    bring: Callable[..., Any], clients: Callable[..., Path], simulator: Any, tmp_path: Path
) -> None:
    """It says what would be made."""
    file, before = clients(2), len(simulator.journal())

    ran = bring(file, "--dry-run")

    assert (ran.code, counts(), (tmp_path / "out").exists()) == (0, [1, 0, 0], False)
    assert ran.out.count("to be made: account, API key, Retell's secret") == 2
    assert len(simulator.journal()) == before
    bring(file)
    assert bring(file, "--dry-run").out.count("is here") == 2


def test_a_file_with_a_wrong_line_stores_nothing(bring: Callable[..., Any], clients: Callable[..., Path]) -> None:
    """Each line is named with what is wrong, and no value is repeated."""
    file = clients(2)
    good, *others, last = file.read_text().splitlines()
    file.write_text("\n".join([good, *others, last.replace("Europe/Berlin", "Mars/Base").replace("de", "xx"), ""]))

    ran = bring(file)

    assert (ran.code, counts()) == (1, [1, 0, 0])
    assert ["line 3: zone: " in ran.err, "line 3: language: " in ran.err, "line 2: " in ran.err] == [True, True, False]
    assert "cal_test" not in ran.said


def test_one_wrong_key_stops_no_other_client(
    bring: Callable[..., Any], clients: Callable[..., Path], simulator: Any
) -> None:
    """It is named, and the file again brings it in once the key is taken."""
    file = clients(3)
    simulator.faults("status", name="invalid_key", match={"key": f"cal_test_host{FIRST + 1}"})

    ran = bring(file)

    assert (ran.code, counts()[0]) == (1, 3)
    assert [line.split()[0] for line in ran.out.splitlines()[:3]] == ["ok", "WRONG", "ok"]
    simulator.no_faults()
    assert (bring(file).code, counts()[0]) == (0, 4)


def test_an_import_waits_for_the_limit_of_calls(
    bring: Callable[..., Any], clients: Callable[..., Path], settings: Callable[..., dict[str, str]]
) -> None:
    """Whose a key is counts against the limit of `default`, and 200 clients are more than a minute's."""
    settings(**ENCRYPTION, CALCOM_RATE_LIMIT_PER_MINUTE="40")

    ran = bring(clients(4))

    assert (ran.code, counts()[0]) == (0, 5), ran.said


def test_cal_com_reports_each_clients_bookings_once(
    bring: Callable[..., Any], clients: Callable[..., Path], simulator: Any, settings: Callable[..., dict[str, str]]
) -> None:
    """The webhook is made by each client's own key, and the same file makes no second one."""
    settings(**ENCRYPTION, CALCOM_WEBHOOK_SECRET="w" * 32)
    file = clients(2)

    ran = [bring(file, "--webhooks") for _ in range(2)]

    made = [entry["key"] for entry in simulator.journal() if (entry["method"], entry["target"]) == MAKES_A_WEBHOOK]
    assert [one.code for one in ran] == [0, 0], ran[0].said
    assert made == [f"cal_test_host{FIRST}", f"cal_test_host{FIRST + 1}"]


def test_a_key_whose_text_is_lost_is_named_and_none_is_made_for_it(
    bring: Callable[..., Any], clients: Callable[..., Path], tmp_path: Path
) -> None:
    """Another key in its place would end the one that an agent may have."""
    file = clients(1)
    bring(file)
    (tmp_path / "out" / f"client-{FIRST}.json").unlink()

    ran = bring(file)

    assert (ran.code, counts()[1]) == (1, 1)
    assert f"no file has its API key: `booking keys rotate client-{FIRST}` makes another" in ran.out


def test_another_key_in_the_file_is_no_rotation(bring: Callable[..., Any], clients: Callable[..., Path]) -> None:
    """A line that was pasted twice would call one client's Cal.com for the other."""
    file = clients(2)
    bring(file)
    swapped = file.read_text().replace(f"cal_test_host{FIRST},", "cal_test_host7,")
    file.write_text(swapped)

    ran = bring(file)

    assert ran.code == 1
    assert f"the account has another key: `booking accounts rotate client-{FIRST}`" in ran.out


def test_an_export_brings_the_clients_back_without_their_secrets(
    bring: Callable[..., Any], clients: Callable[..., Path], call: Booking, tmp_path: Path
) -> None:
    """Who they are and what they may book; the file is one that import takes."""
    bring(clients(2, callback="https://hooks.example.com/secret-path"))

    told = call("accounts", "export").out

    rows = list(csv.DictReader(StringIO(told)))
    assert [(row["name"], row["types"]) for row in rows] == [(f"client-{n}", str(n)) for n in (FIRST, FIRST + 1)]
    assert not any(row[name] for row in rows for name in ("key", "callback", "retell", "vapi"))
    (tmp_path / "again.csv").write_text(told)
    assert bring(tmp_path / "again.csv").code == 0


@sizes(10, many=200)
def test_each_of_many_clients_books(
    size: int,
    fleet: Callable[..., Fleet],
    clients: Callable[..., Path],
    call: Booking,
    simulator: Any,
    tmp_path: Path,
    counted: Counted,
) -> None:
    """One run, and each client's agent books by the tool that its file has, at its own host at Cal.com."""
    running = fleet(**ENCRYPTION)
    running.worker()
    engine = make_engine(running.environment["DATABASE_URL"])
    with Serving(running.environment, engine, tmp_path) as serving:
        api = serving.start()
        out = str(tmp_path / "out")
        ran = call("accounts", "import", str(clients(size)), "--url", api.url, "--out", out, "--yes")
        assert (ran.code, ran.out.splitlines()[-1].partition(" can book")[0]) == (0, f"{size} clients of {size}")

        def book(number: int) -> str:
            [tools] = json.loads((tmp_path / "out" / f"client-{number}.json").read_text())["by_event_type"].values()
            assert {one["name"] for one in tools["retell"]} == SCHEMAS.keys()
            one = tools["plain"]["book"]
            asked = {"start": "2030-03-11T10:00", "name": "Pat Example", "email": f"pat{number}@example.com"}
            answer = requests.post(f"{one['url']}&within=20", json=asked, headers=one["headers"], timeout=60).json()
            return str(answer["status"])

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(book, range(FIRST, FIRST + size)))
    engine.dispose()
    counted("clients", size)

    assert statuses == ["confirmed"] * size
    assert len(simulator.bookings()) == size
