"""`booking serve`: one process a core, each with its own connections to Postgres, behind one address."""

import contextlib
import ipaddress
import os
import resource
import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.dependencies import fill
from tasks.host.log import Logger
from worker import logs, wiring
from worker.console.stop import Stop
from worker.running import running
from worker.settings.model import Settings

HEADERS_WITHIN = 3  # seconds; a half-sent request holds a connection no longer
LAST_CALLS = 12  # seconds from SIGTERM to SIGKILL: two more than calls that have begun may take
CONNECTIONS_AT_ONCE = 20_000  # of one process; those that wait take no thread

log = Logger("http")


def run(*, workers: int | None) -> None:
    """Serve until SIGTERM or Ctrl-C; `workers` processes, None: one a core."""
    try:
        from granian import Granian  # noqa: PLC0415 - an extra
        from granian.constants import HTTPModes, Interfaces, Loops  # noqa: PLC0415 - the same
        from granian.http import HTTP1Settings  # noqa: PLC0415 - the same
        from granian.log import LogLevels  # noqa: PLC0415 - the same
    except ImportError:
        raise Stop("booking serve needs the extra http: in the clone, pip install ./client '.[http]'") from None
    settings = running(Settings.load())
    logs.configure(settings)
    where = urlsplit(f"//{settings.http_address}")
    host, port = where.hostname or "", where.port or 0
    if not _is_loopback(host):
        log.warning(
            "http_open", address=settings.http_address, next="other machines reach it; a proxy ends TLS before it"
        )
    _require_free(host, port)
    _allow_many_connections()
    server = Granian(
        "worker.api",  # for its messages alone: `_load` makes the application
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers or _cores(),
        loop=Loops.asyncio,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=CONNECTIONS_AT_ONCE,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN * 1000),
        respawn_failed_workers=True,
        workers_kill_timeout=LAST_CALLS,
        log_level=LogLevels.warning,
        log_dictconfig={"handlers": {}, "loggers": {"_granian": {}}},  # its lines go to our handler
    )
    log.info("http", url=f"http://{settings.http_address}", processes=server.workers)
    with _metrics_folder(settings) as metrics:
        server.serve(target_loader=partial(_load, settings, metrics), wrap_loader=False)


def _load(settings: Settings, metrics: Path | None) -> Callable[..., Any]:
    """Return the application of a child process."""
    if metrics is not None:  # prometheus_client reads it when it is first imported
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)  # noqa: TID251 - a library's own, for this process
    from worker.api import app  # noqa: PLC0415 - the parent process serves nothing

    logs.configure(settings)
    fill(lambda: wiring.build_from(settings, pool_size=app.CONNECTIONS, lock_timeout_ms=app.LOCK_TIMEOUT_MS))
    return app.make(settings, metrics)


@contextlib.contextmanager
def _metrics_folder(settings: Settings) -> Iterator[Path | None]:
    """Make the folder in which all processes count, if somebody is to read it; it ends with the block."""
    if settings.http_metrics_address is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="booking-serve-") as folder:
        yield Path(folder)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_free(host: str, port: int) -> None:
    """Raise Stop where something listens already: Granian's sockets would share the port with those of another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise Stop(f"HTTP_ADDRESS: booking serve cannot listen at {host}:{port} ({error.strerror})") from None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _allow_many_connections() -> None:
    """Raise the soft limit of open files: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_AT_ONCE + 1024
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
