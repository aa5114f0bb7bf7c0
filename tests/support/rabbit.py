"""Debian's RabbitMQ as a server of the tests' own: one node that talks to nobody, in a folder that ends with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kombu import Connection
from kombu.exceptions import OperationalError

from worker.local.embedded import Guard
from worker.local.embedded.find import server_user
from worker.local.embedded.server import HOST, Server, ServerLayout, free_port, here

PROGRAMS = Path("/usr/lib/rabbitmq/bin")  # the script in /usr/bin would run as Debian's user, in Debian's folder
USER = "booking"


@dataclass
class Rabbit(Server):
    """A RabbitMQ without plugins."""

    name = "rabbitmq"
    program = "rabbitmq-server"
    start_seconds = 240.0  # it takes seven seconds of two cores, and a minute where ten others want them

    @property
    def steps(self) -> Sequence[tuple[str, float]]:
        """None: in order it takes ten seconds, and nothing of it is kept."""
        return []

    @property
    def url(self) -> str:
        """The AMQP URL with its password."""
        return self._url(self.port)

    def prepare(self) -> None:
        """Make its folder, and the configuration in it that holds the password."""
        self.own(self.work)
        settings = self.work / "rabbitmq.conf"
        settings.write_text(f"default_user = {USER}\ndefault_pass = {self.password}\n")
        settings.chmod(0o644)  # in a folder that only its user enters

    def argv(self, port: int) -> list[str]:
        """Run the node itself, whose settings are its environment; what nodes need of each other is its own, too."""
        folder = here(self.work)
        environment = {
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(free_port()),
            "HOME": folder,
            "RABBITMQ_ALLOW_INPUT": "1",  # no shell around it that would take the signals
            "RABBITMQ_BASE": folder,
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_NODENAME": f"{USER}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
        }
        given = [f"{name}={value}" for name, value in environment.items()]
        return ["/usr/bin/env", *given, str(self.layout.programs / self.program)]

    def answers(self, port: int) -> bool:
        """Log in with our password."""
        try:
            with Connection(self._url(port), connect_timeout=1) as connection:
                connection.connect()
        except (OperationalError, OSError):
            return False
        return True

    def _url(self, port: int | None) -> str:
        return f"amqp://{USER}:{self.password}@{HOST}:{port}//"


def rabbit(guard: Guard) -> Rabbit:
    """Start one; it ends with the guard."""
    server = Rabbit(guard, ServerLayout(guard.folder(), PROGRAMS, server_user(), durable=False))
    server.prepare()
    server.start()
    return server
