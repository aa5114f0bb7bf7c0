"""A file of clients: a line each, with its key at Cal.com and what its agent is set up with (CSV, UTF-8)."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from pydantic import SecretStr

from booking_client.request.fields import account, event_type, time_zone
from tasks.callers.languages import ACCEPTED, ENGLISH, is_known

COLUMNS = ("name", "key", "base_url", "calls", "types", "zone", "language", "callback", "retell", "vapi")
"""What may stand in the first line; the name must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One line. `key` None: the account is there already; `calls` None: as many a minute as the settings say.

    `types` are the event types that its agent may book, none: all. `zone` and `language` are those of the agent's
    sentences, and `retell` and `vapi` the secrets by which it proves itself.
    """

    name: str
    key: SecretStr | None = None
    base_url: str | None = None
    calls: int | None = None
    types: tuple[int, ...] = ()
    zone: str | None = None
    language: str = ENGLISH
    callback: str | None = field(default=None, repr=False)  # it may hold a receiver's token
    retell: SecretStr | None = None
    vapi: SecretStr | None = None


def read_clients(text: str) -> tuple[list[Client], list[str]]:
    """Return the clients of a file, and what is wrong with it, a line each; no value of a line is repeated."""
    rows = csv.DictReader(StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    given = rows.fieldnames or []
    unknown = [name for name in given if name not in COLUMNS]
    if unknown or "name" not in given:
        said = f"{unknown[0]!r} is no column" if unknown else "there is no column `name`"
        return [], [f"line 1: {said}; there may be {', '.join(COLUMNS)}"]
    clients: list[Client] = []
    problems: list[str] = []
    known: dict[str, int] = {}
    for row in rows:
        found = _ClientLine(row)
        client = found.client()
        if client is not None and (first := known.setdefault(client.name, rows.line_num)) != rows.line_num:
            found.problems.append(f"name: line {first} has it, too")
        problems += [f"line {rows.line_num}: {problem}" for problem in found.problems]
        if client is not None:
            clients.append(client)
    return clients, problems


class _ClientLine:
    """Read one line; what is wrong with it is listed."""

    def __init__(self, row: Mapping[str | None, Any]) -> None:
        self.problems: list[str] = []
        if None in row or None in row.values():
            self.problems.append("has not as many values as the first line")
        self._row = {name: (value or "").strip() for name, value in row.items() if name is not None}

    def client(self) -> Client | None:
        """Return the client; None: something is wrong."""
        given = dict(self._values())
        return None if self.problems else Client(**given)

    def _values(self) -> Iterator[tuple[str, Any]]:
        readers: Mapping[str, Callable[[str], Any]] = {
            "key": SecretStr,
            "calls": int,
            "types": _types,
            "zone": time_zone,
            "language": _language,
            "retell": SecretStr,
            "vapi": SecretStr,
        }
        yield "name", self._read("name", account)
        for name in COLUMNS[1:]:
            if self._row.get(name):
                yield name, self._read(name, readers.get(name, str))

    def _read(self, name: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(self._row.get(name, ""))
        except ValueError as error:
            said = "is no whole number" if name == "calls" else str(error)
            self.problems.append(f"{name}: {said}")
            return None


def _types(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(event_type(part) for part in text.replace(",", " ").split()))


def _language(text: str) -> str:
    if not is_known(text):
        raise ValueError(f"must be one of {ACCEPTED}")
    return text


def as_csv(clients: list[Client]) -> str:
    """Return a file of clients without what is secret: no key, no callback address and no secret of an agent."""
    written = StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(COLUMNS)
    for one in clients:
        types = " ".join(map(str, one.types))
        lines.writerow((one.name, "", one.base_url or "", one.calls or "", types, "", "", "", "", ""))
    return written.getvalue()
