"""What `booking up` keeps running: processes and embedded servers, alike to the supervisor."""

import contextlib
from dataclasses import dataclass

from worker.local.embedded import EmbeddedError
from worker.local.embedded.server import Server
from worker.local.processes import Part, ProcessGroup


@dataclass(frozen=True)
class ManagedProcess:
    """A process of ours."""

    processes: ProcessGroup
    part: Part

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return self.part.name

    def exit_code(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self.processes.exit_code(self.part)

    def start(self) -> int:
        """Start it again and return its pid."""
        return self.processes.start(self.part)


@dataclass(frozen=True)
class ManagedServer:
    """An embedded server."""

    server: Server

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return self.server.name

    def exit_code(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self.server.guard.wait(self.server.name, 0)

    def start(self) -> int | None:
        """Start it again, data, port and password kept, and return its pid."""
        with contextlib.suppress(EmbeddedError):  # it has ended again; the next look sees that
            self.server.start()
        return self.server.pid
