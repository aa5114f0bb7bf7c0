"""Assemble the breaker's Lua scripts from their files, and register them with a client."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script

Client = Redis | RedisCluster

# The fragments that stand before each script; a fragment needs only those before it.
_STATE = ("at_rest", "arguments", "state_machine", "account", "expire")
_BREAKER = (*_STATE, "blocks", "reply")
_CALL = (*_BREAKER, "quota")
_RELEASE = (*_CALL, "admission", "release_window", "overtaken", "release_room")
_COUNTING = ("stats_arguments",)
FRAGMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "acquire": (*_CALL, "release_window", "throttle", "callers"),
        "acquire_closed": ("closed_arguments", "quota", "callers"),
        "record": (*_RELEASE, "throttle", "callers", "trip", "call_stats"),
        "record_closed": ("closed_arguments", "quota", "call_stats"),
        "release": _RELEASE,
        "give_back": (*_STATE, "reply", "release_window"),
        "turned_out": (*_STATE, "reply"),
        "is_open": (*_STATE, "reply"),
        "override": (*_STATE, "reply", "quota", "throttle", "overrides"),
        "restore": (*_STATE, "reply", "quota", "throttle", "overrides", "server_run"),
        "status": (*_STATE, "quota"),
        "call_limit": (),
        "reading_begin": (),
        "reading_end": (),
        "still_closed": ("closed_arguments", "admission"),
        "count_calls": (*_COUNTING, "server_run", "call_stats"),
        "recent_calls": _COUNTING,
        "reset_recent_calls": _COUNTING,
        "mark_incomplete": _COUNTING,
        "closed_windows": ("at_rest", *_COUNTING, "server_run"),
    }
)


def read(name: str) -> str:
    """Return the text of one Lua file of `resilience/lua`: `name` is a script's name, or `lib/` and a fragment's."""
    return (files("resilience") / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def files_of(name: str) -> tuple[str, ...]:
    """Name the Lua files of one script, in their order."""
    return (*(f"lib/{part}" for part in FRAGMENTS[name]), name)


@cache
def assemble(name: str) -> str:
    """Return the text of one script after its fragments, without comments and empty lines."""
    text = "\n".join(read(part) for part in files_of(name))
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))


class Scripts(dict[str, Script]):
    """Scripts by name; each is read at its first use, because a caller needs two and reading all would take 20 ms."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def __missing__(self, name: str) -> Script:
        script = self[name] = self._client.register_script(assemble(name))
        return script


def register(client: Client) -> Scripts:
    """Make the scripts callable by EVALSHA; a script that the server lost (SCRIPT FLUSH) is loaded again."""
    return Scripts(client)


def breaker_keys(
    service: str, endpoint: str, own_key: str | None = None, limit_key: str = "", *, apart: bool = False
) -> tuple[str, ...]:
    """Name the keys of a breaker's scripts, in their order; one hash tag keeps them on one node of a cluster.

    `own_key` and `limit_key` are those of circuit_breaker/account.py. `apart`: the endpoint's own release window.
    """
    line = f":{endpoint}" if apart else ""
    names = (
        f"rate:{limit_key}" if limit_key else "rate",
        "counts",
        "windows",
        "breaker",
        "events",
        f"released{line}",
        f"sending{line}",
        f"senders{line}",
        "failures",
        f"failures:{endpoint}",
        *(() if own_key is None else (f"key:{own_key}", f"key:{own_key}:failures:{endpoint}")),
    )
    return tuple(f"{{{service}}}:{name}" for name in names)


def closed_keys(service: str, endpoint: str, own_key: str | None = None, limit_key: str = "") -> tuple[str, ...]:
    """Name the keys of the scripts for a closed breaker, in their order."""
    rate, counts, windows, breaker, *rest = breaker_keys(service, endpoint, own_key, limit_key)
    return rate, breaker, counts, windows, *rest[6:7]


@cache
def stats_keys(service: str) -> tuple[str, ...]:
    """Name the keys of the scripts that only count, in their order."""
    return (f"{{{service}}}:counts", f"{{{service}}}:windows")


def events_key(service: str) -> str:
    """Name the stream of changes."""
    return f"{{{service}}}:events"
