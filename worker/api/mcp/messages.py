"""A message of JSON-RPC as MCP has it: of which revision it is, whether its headers agree, and what answers it.

From the specification, https://modelcontextprotocol.io/specification/2026-07-28 (basic/index, basic/versioning,
basic/transports/streamable-http) and 2025-11-25 (basic/lifecycle, basic/transports).
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import BaseModel, Field
from starlette.datastructures import Headers

MODERN = "2026-07-28"  # each request says its revision; there is no handshake
LEGACY = ("2025-11-25", "2025-06-18")  # `initialize` comes first; of these two the tools are alike
VERSIONS = (MODERN, *LEGACY)
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
_META = "io.modelcontextprotocol/"
VERSION_KEY, CAPABILITIES_KEY = f"{_META}protocolVersion", f"{_META}clientCapabilities"
SERVER_KEY = f"{_META}serverInfo"
_VERSION, _METHOD, _NAME = "mcp-protocol-version", "mcp-method", "mcp-name"
_STATUS: Mapping[int, int] = MappingProxyType({METHOD_NOT_FOUND: 404})  # of a modern message; else 400
_ENCODED, _END = "=?base64?", "?="
MAX_ID = 255  # characters


class RpcProblem(BaseModel):
    """What is wrong with a message."""

    code: int
    message: str
    data: dict[str, Any] | None = None


class RpcAnswer(BaseModel):
    """The answer to a message: its result, or its error."""

    jsonrpc: Literal["2.0"]
    id: str | int | None = Field(None, description="That of the message, if it could be read.")
    result: dict[str, Any] | None = None
    error: RpcProblem | None = None


class RpcError(Exception):
    """Carry an error of JSON-RPC; `status` None: the one that the message's revision wants."""

    def __init__(self, code: int, message: str, *, status: int | None = None, **data: Any) -> None:
        super().__init__(message)
        self.code, self.status, self.data = code, status, data

    def document(self, number: str | int | None = None) -> dict[str, Any]:
        """Return the answer to the message of this id; None: its id cannot be read."""
        error = {"code": self.code, "message": str(self)} | ({"data": self.data} if self.data else {})
        known = {} if number is None else {"id": number}
        return {"jsonrpc": "2.0", **known, "error": error}


@dataclass(frozen=True, slots=True)
class Message:
    """Hold a request, or (`id` None) a notification; `modern`: it is of MODERN, or wants to be."""

    id: str | int | None
    method: str
    params: Mapping[str, Any]
    modern: bool

    @classmethod
    def of(cls, data: Mapping[str, Any], headers: Headers) -> Self:
        """Return the message that an object of JSON is.

        Raises:
            RpcError: It is none that a client sends.
        """
        method, number, params = data.get("method"), data.get("id"), data.get("params", {})
        if data.get("jsonrpc") != "2.0" or not isinstance(method, str):
            raise RpcError(INVALID_REQUEST, "A message needs jsonrpc 2.0 and a method.", status=400)
        if "id" in data and not _is_id(number):
            raise RpcError(
                INVALID_REQUEST, f"An id is a whole number, or a text of {MAX_ID} characters at most.", status=400
            )
        if not isinstance(params, dict):
            raise RpcError(INVALID_REQUEST, "The params are no object.", status=400)
        modern = (
            VERSION_KEY in _meta_of(params)
            or headers.get(_VERSION) == MODERN
            or _METHOD in headers
            or method == "server/discover"
        )
        return cls(number, method, params, modern)

    def check(self, headers: Headers) -> None:
        """Raise RpcError where the revision is unknown, or what the headers say is not what the message says."""
        if self.modern:
            self._check_modern(headers)
        elif self.method != "initialize" and headers.get(_VERSION, LEGACY[0]) not in LEGACY:
            raise _unsupported(headers[_VERSION], status=400)

    def _check_modern(self, headers: Headers) -> None:
        meta = _meta_of(self.params)
        version = meta.get(VERSION_KEY)
        if not isinstance(version, str) or not isinstance(meta.get(CAPABILITIES_KEY), dict):
            raise RpcError(INVALID_PARAMS, f"params._meta needs {VERSION_KEY} and {CAPABILITIES_KEY}.")
        mirrored: dict[str, Any] = {_VERSION: version, _METHOD: self.method}
        if self.method == "tools/call":
            mirrored[_NAME] = self.params.get("name")
        for name, wanted in mirrored.items():
            told = headers.getlist(name)
            if len(told) != 1 or (_decoded(told[0]) if name == _NAME else told[0]) != wanted:
                raise RpcError(HEADER_MISMATCH, f"The header {name} is missing, doubled, or not what the message says.")
        if version not in VERSIONS[:1]:
            raise _unsupported(version)

    def status_of(self, error: RpcError) -> int:
        """Return the HTTP status of an error: revisions before MODERN have it within a 200."""
        if error.status is not None:
            return error.status
        return _STATUS.get(error.code, 400) if self.modern else 200


def _unsupported(version: str, status: int | None = None) -> RpcError:
    data = {"supported": list(VERSIONS), "requested": version[:MAX_ID].encode("ascii", "replace").decode()}
    return RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", status=status, **data)


def _meta_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _is_id(value: Any) -> bool:
    """Return whether a value can be repeated as the id of an answer; half of a surrogate pair cannot be written."""
    if isinstance(value, str):
        return len(value) <= MAX_ID and not any("\ud800" <= char <= "\udfff" for char in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _decoded(header: str) -> str | None:
    """Return what a header says, which may be written in Base64; None: it cannot be read."""
    if not (header.startswith(_ENCODED) and header.endswith(_END)):
        return header
    try:
        return base64.b64decode(header[len(_ENCODED) : -len(_END)], validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
