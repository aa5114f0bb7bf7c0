"""`booking migrate`: there, back, and how far."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import revisions
from db.engine import make_engine
from db.namespace import TABLES
from tests.support.schema.before import LAST as BEFORE
from tests.support.schema.later import ALL, FIRST, LAST, release_later, write_later

Booking = Callable[..., Any]


@pytest.fixture
def empty(
    settings: Callable[..., dict[str, str]],
    call: Booking,
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Booking:
    """Run `booking ...` of a later release, with a database without tables."""
    release_later(tmp_path / "migrations", monkeypatch)
    settings(DATABASE_URL=empty_database_url)
    return call


def test_it_says_from_where_to_where(empty: Booking) -> None:
    """Each revision, and then nothing to do."""
    ran = empty("migrate")
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.out.splitlines()[:-1]] == [["+", name] for name in ALL]
    assert ran.out.splitlines()[-1] == f"nothing -> {ALL[-1]}"
    assert empty("migrate").out == f"Nothing to do: the database is at {ALL[-1]}.\n"


@pytest.mark.long
def test_it_goes_back_by_name_and_by_number(empty: Booking) -> None:
    """The operators' roll-back."""
    empty("migrate")
    assert empty("migrate", "--to", ALL[0]).out.splitlines()[-1] == f"{ALL[-1]} -> {ALL[0]}"
    empty("migrate")
    for later, before in zip(ALL[:0:-1], ALL[-2::-1], strict=True):
        assert empty("migrate", "--down", 1).out.splitlines()[-1] == f"{later} -> {before}"
    ran = empty("migrate", "--down", 1)
    assert (ran.code, ran.err) == (
        1,
        "booking: cannot take back 1 revisions: the database has 1, and the first one stays\n",
    )
    assert empty("migrate", "--to", "base").out.splitlines()[-1] == f"{ALL[0]} -> nothing"


def test_status_marks_what_the_database_has(empty: Booking) -> None:
    """And changes nothing; exit code 1 while something is missing."""
    empty("migrate", "--to", ALL[0])
    ran = empty("migrate", "--status")
    assert ran.code == 1
    assert [line.split()[:2] for line in ran.out.splitlines()] == [
        ["applied", ALL[0]],
        *(["missing", name] for name in ALL[1:]),
    ]
    assert "the database is here" in ran.out.splitlines()[0]
    empty("migrate")
    assert empty("migrate", "--status").code == 0


@pytest.mark.parametrize("theirs", [None, "ae1027a6acf", FIRST], ids=["empty", "a host's", "a host's named as ours"])
def test_status_of_a_database_without_our_tables(empty: Booking, empty_database_url: str, theirs: str | None) -> None:
    """Nothing is applied, beside a host's Alembic, too; exit code 1 also for those that wait for a migration."""
    if theirs:
        with psycopg.connect(empty_database_url, autocommit=True) as host:
            host.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
            host.execute("INSERT INTO alembic_version VALUES (%s)", (theirs,))
    for more in ([], ["--or-newer"]):
        ran = empty("migrate", "--status", *more)
        assert ran.code == 1
        assert [line.split()[:2] for line in ran.out.splitlines()] == [["missing", name] for name in ALL]
        assert "nothing is applied: the database has none of our tables: run `booking migrate`" in ran.err
    assert empty("migrate").code == 0
    assert empty("migrate", "--status").code == 0


def test_a_table_of_another_program_is_named(empty: Booking, empty_database_url: str) -> None:
    """In one line, with the exit code 1; nothing is made."""
    with psycopg.connect(empty_database_url, autocommit=True) as host:
        host.execute("CREATE TABLE appointments (id int)")
    ran = empty("migrate")
    assert (ran.code, ran.err.partition(":")[0]) == (1, "booking")
    assert "the schema public has appointments of another program: set DATABASE_SCHEMA" in ran.err
    assert empty("migrate", "--status").code == 1


def test_a_revision_that_is_not_there_is_said(empty: Booking) -> None:
    """With those that are."""
    ran = empty("migrate", "--to", "0404_nothing")
    assert (ran.code, ran.err) == (1, f"booking: there is no revision '0404_nothing'; there are: {', '.join(ALL)}\n")


def test_a_newer_database_is_left_alone(booking: Booking, database_url: str) -> None:
    """Old code must not undo what newer code has made."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE booking_schema_version SET version_num = '9999_future'")
    ran = booking("migrate")
    assert ran.code == 1
    assert "the database is at 9999_future, newer than this code" in ran.err


def test_who_waits_for_a_migration_may_take_a_newer_one(
    booking: Booking, empty: Booking, settings: Callable[..., dict[str, str]], database_url: str
) -> None:
    """In a deploy and a roll-back the old release works on what the new one has migrated; on less nobody does."""
    empty("migrate", "--to", ALL[0])
    assert empty("migrate", "--status", "--or-newer").code == 1
    settings(DATABASE_URL=database_url)
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE booking_schema_version SET version_num = '9999_future'")
    assert [booking("migrate", "--status", *more).code for more in ([], ["--or-newer"])] == [1, 0]


def test_ctrl_c_leaves_a_database_that_works(
    settings: Callable[..., dict[str, str]],
    spawn: Callable[..., Any],
    ended: Callable[..., Any],
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    """While it waits for a lock: what is applied is said, and the next run goes on from there."""
    engine = make_engine(empty_database_url)
    revisions.migrate(engine, FIRST)
    engine.dispose()
    write_later(later := tmp_path / "migrations")
    with psycopg.connect(empty_database_url) as report:
        report.execute("SELECT count(*) FROM appointment_events")
        process = spawn(settings(DATABASE_URL=empty_database_url), str(later), "migrate", module="later_cli")
        for line in process.stderr:
            if b"waits for a lock on appointment_events: the session " in line:
                break
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == (
        f"booking: stopped: the database is at {FIRST}, and nothing is half done; `booking migrate` goes on from there"
    )


@pytest.mark.fresh_database
def test_a_database_of_before_0_2_0_is_taken_over(booking: Booking, database_url: str) -> None:
    """It stands at the last of the old ids; `--status` says that something is missing, and exits with 1."""
    _stands_at(database_url, BEFORE)
    for more in ([], ["--or-newer"]):
        ran = booking("migrate", "--status", *more)
        assert ran.code == 1
        assert ran.out.split()[:2] == ["missing", FIRST]
        assert f"the database is at {BEFORE}, this code needs {LAST}: run `booking migrate`" in ran.err
    ran = booking("migrate")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"{BEFORE} -> {LAST}")
    assert booking("migrate", "--status").code == 0


@pytest.mark.fresh_database
@pytest.mark.parametrize("asked", [[], ["--status"], ["--status", "--or-newer"], ["--down", 1]])
def test_an_older_one_is_told_which_commit_migrates_it_first(
    booking: Booking, database_url: str, asked: list[object]
) -> None:
    """In one line, with the exit code 1."""
    _stands_at(database_url, "0006_accounts")
    ran = booking("migrate", *asked)
    assert ran.code == 1
    [line] = ran.err.splitlines()
    assert line.startswith("booking: the database is at 0006_accounts, from before 0.2.0: check out commit ")


def _stands_at(url: str, revision: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("UPDATE booking_schema_version SET version_num = %s", (revision,))


@pytest.fixture
def apart(settings: Callable[..., dict[str, str]], call: Callable[..., Any], empty_database_url: str) -> Any:
    """Run `booking ...` beside a host's tables, with our own migrated into DATABASE_SCHEMA."""
    with psycopg.connect(empty_database_url, autocommit=True) as host:
        for name in TABLES:
            host.execute(f"CREATE TABLE {name} (id int)")
    settings(DATABASE_URL=empty_database_url, DATABASE_SCHEMA="bw")
    assert call("migrate").out.endswith(f"nothing -> {LAST}\n")
    return call


def test_report_check_and_breaker_read_our_tables(apart: Any) -> None:
    """None of them finds a column of the host's table, which has none of ours."""
    assert apart("migrate", "--status").code == 0
    assert apart("report", "--json").json["lines"]
    findings = {finding["about"]: finding["ok"] for finding in apart("check", "--json").json["findings"]}
    assert findings["migrations"] is True
    assert apart("breaker", "open", "--why", "a test").code == 0
    assert "a test" in apart("breaker", "status").out
