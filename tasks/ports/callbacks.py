"""How callbacks are signed, and where they may go."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """Say how callbacks are signed, and where they may go beside public addresses.

    The first of `secrets` signs; a second one signs, too, while receivers change over. `networks` are ours: http is
    allowed there, too. `loopback`: so are the addresses of this machine, and any port; for tests and development.
    """

    secrets: tuple[SecretStr, ...] = ()
    networks: tuple[str, ...] = ()
    loopback: bool = False
