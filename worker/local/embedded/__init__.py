"""Real Valkey and PostgreSQL servers from wheels, for the demo, the tests and a first hour without Docker.

They have a private folder, loopback addresses and random passwords; a guard process ends them when this process ends.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.local.embedded import find, record
from worker.local.embedded.errors import EmbeddedError
from worker.local.embedded.guarded import Guard
from worker.local.embedded.postgres import Postgres
from worker.local.embedded.server import Server, ServerLayout
from worker.local.embedded.valkey import Valkey

__all__ = ["EmbeddedError", "Guard", "Postgres", "Servers", "Valkey", "servers"]


@dataclass(frozen=True)
class Servers:
    """The servers that were asked for; asking for another one is an error."""

    guard: Guard
    folder: Path
    servers: dict[str, Server]

    @property
    def postgres(self) -> Postgres:
        """The PostgreSQL server."""
        server = self.servers.get(Postgres.name)
        if not isinstance(server, Postgres):
            raise EmbeddedError("this PostgreSQL was not started")
        return server

    @property
    def valkey(self) -> Valkey:
        """The Valkey server."""
        server = self.servers.get(Valkey.name)
        if not isinstance(server, Valkey):
            raise EmbeddedError("this Valkey was not started")
        return server

    @property
    def urls(self) -> dict[str, str]:
        """The settings with the URLs of what was started."""
        names = {Postgres.name: "database_url", Valkey.name: "redis_url"}
        return {names[name]: server.url for name, server in self.servers.items()}

    @property
    def database_url(self) -> str:
        """The DATABASE_URL of the embedded PostgreSQL."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """The REDIS_URL of the embedded Valkey."""
        return self.valkey.url


@contextlib.contextmanager
def servers(folder: Path | None = None, *, postgres: bool = True, valkey: bool = True) -> Iterator[Servers]:
    """Run the servers until the block ends; they also end when this process dies, `kill -9` included.

    `folder` keeps data, ports and passwords for the next time; None: a temporary one, removed at the end.

    Raises:
        EmbeddedError: a wheel is missing, a program does not run here, or the folder is in use.
    """
    wanted: list[tuple[type[Postgres | Valkey], Path]] = []
    if postgres:
        wanted.append((Postgres, find.postgres()))
    if valkey:
        wanted.append((Valkey, find.valkey()))
    with record.locked(folder) as lock, Guard(lock) as guard:
        home = folder.resolve() if folder else guard.folder()
        user = find.server_user()
        started: dict[str, Server] = {}
        for kind, programs in wanted:
            runnable = find.reachable(programs, kind.program, user, guard.folder)
            layout = ServerLayout(home, runnable, user, durable=folder is not None)
            server = started[kind.name] = kind(guard, layout, **record.kept(home, kind.name))
            try:
                _start(server)
            except OSError as error:
                raise EmbeddedError(
                    f"the embedded {kind.name} cannot use {error.filename}: {error.strerror}"
                ) from error
        yield Servers(guard, home, started)


def _start(server: Server) -> None:
    """Start a server; if its folder lasts, store how it is reached."""
    lasting = server.layout.durable
    if lasting:
        record.write(server.layout.folder, server)  # the password, before initdb uses it
        server.log.unlink(missing_ok=True)
    server.prepare()
    server.start()
    if lasting:
        record.write(server.layout.folder, server)
