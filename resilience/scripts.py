"""Put the breaker's Lua together out of its files, and register it with a client."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script

Client = Redis | RedisCluster

# Fragments in the order in which they need one another; each script is preceded by the ones it names here.
_BASE = ("clock", "scopes")
_RULES = (*_BASE, "votes", "rate", "obstacle", "window", "counts", "view")
_ORDERS = (*_BASE, "view", "orders")
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acquire": _RULES,
        "record": _RULES,
        "release": _RULES,
        "give_back": (*_BASE, "view"),
        "order": _ORDERS,
        "begin": _ORDERS,
        "status": _BASE,
    }
)


def read(name: str) -> str:
    """Give the text of one Lua file."""
    return (files("resilience") / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def assemble(name: str) -> str:
    """Give the text of one script with its fragments before it, without what only people read."""
    text = "\n".join(read(part) for part in (*PARTS[name], name))
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))


def register(client: Client) -> dict[str, Script]:
    """Make every script callable; EVALSHA, and loaded anew when the server has forgotten it (SCRIPT FLUSH)."""
    return {name: client.register_script(assemble(name)) for name in PARTS}


def keys(service: str, endpoint: str) -> list[str]:
    """Name the keys that every script declares; one hash tag, so that a cluster keeps them in one place."""
    own = ("breaker", "failures", f"failures:{endpoint}", "released", "sending", "counts", "events")
    return [f"{{{service}}}:{name}" for name in own]
