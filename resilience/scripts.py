"""Put the breaker's Lua together out of its files, and register it with a client."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script

Client = Redis | RedisCluster

# Fragments in the order in which they need one another; each script is preceded by the ones it names here.
_ASKED = ("clock", "rate", "rate_news", "counts", "windows", "calm", "scopes", "roll", "obstacle", "window", "view")
_KNOWN = ("clock", "rate", "calm", "scopes")
_ORDERED = (*_KNOWN, "roll", "view", "orders")
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pass": ("clock", "rate"),
        "tell": ("clock", "rate", "rate_news", "counts", "windows"),
        "acquire": _ASKED,
        "record": (*_ASKED, "votes"),
        "release": (*_KNOWN, "roll", "obstacle", "window", "view"),
        "give_back": (*_KNOWN, "view"),
        "order": _ORDERED,
        "begin": _ORDERED,
        "status": _KNOWN,
        "figures": ("clock",),
        "forget": ("clock",),
        "doubt": ("clock",),
        "finished": ("clock",),
    }
)
SHORT: Mapping[str, tuple[int, int]] = MappingProxyType({"pass": (1, 5), "tell": (3, 7)})
"""The scripts that take only the first keys and the first common arguments, so many of each: every one costs."""
EVENTS = 4
"""Where `keys` has the stream."""


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
    names = (
        "rate",
        "counts",
        "windows",
        "breaker",
        "events",
        "released",
        "sending",
        "failures",
        f"failures:{endpoint}",
    )
    return [f"{{{service}}}:{name}" for name in names]
