"""What a platform's set-up takes: the five tools with their addresses, ready to paste (docs/integrating.md)."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from worker.api.voice.address import WITHIN
from worker.api.voice.schemas import INSTRUCTIONS, SCHEMAS
from worker.onboarding.clients import Client

_PATIENCE_MS = 10_000  # for which a platform waits for an answer: more than `within` and a slow line


def tools_of(client: Client, *, url: str, handle: str, key: str | None) -> dict[str, Any]:
    """Return the tools of a client's agent by platform; `key` None: its text is known no more.

    With several event types each has its own, for a tool's address names one.
    """
    kinds: tuple[int | None, ...] = client.types or (None,)
    bearer = {"Authorization": f"Bearer {key or 'API-KEY'}"}
    return {
        "instructions": INSTRUCTIONS,
        **({"note": "add &type=ID to each address: the key may book every event type"} if not client.types else {}),
        "by_event_type": {
            str(kind or "all"): {
                "retell": list(_retell(_address(client, f"{url}/v1/voice/retell", kind, key=handle))),
                "vapi": list(_vapi(_address(client, f"{url}/v1/voice/vapi", kind, key=handle))),
                "plain": {
                    name: {"url": _address(client, f"{url}/v1/tools/{name}", kind), "headers": bearer}
                    for name in SCHEMAS
                },
                "mcp": {"url": _address(client, f"{url}/v1/mcp", kind), "headers": bearer},
            }
            for kind in kinds
        },
    }


def _address(client: Client, path: str, kind: int | None, **more: str) -> str:
    given: Mapping[str, object] = {
        **more, **({"type": kind} if kind else {}), "lang": client.language,
        **({"time_zone": client.zone} if client.zone else {}), "within": WITHIN,
    }  # fmt: skip
    return f"{path}?{urlencode(given, safe='/')}"


def _retell(address: str) -> Iterator[dict[str, Any]]:
    for name, tool in SCHEMAS.items():
        yield {
            "type": "custom",
            "name": name,
            "description": tool.text,
            "url": address,
            "method": "POST",
            "parameters": tool.parameters,
            "speak_after_execution": True,
            "timeout_ms": _PATIENCE_MS,
        }


def _vapi(address: str) -> Iterator[dict[str, Any]]:
    for name, tool in SCHEMAS.items():
        yield {
            "type": "function",
            "function": {"name": name, "description": tool.text, "parameters": tool.parameters},
            "server": {"url": address, "timeoutSeconds": _PATIENCE_MS // 1000},
        }
