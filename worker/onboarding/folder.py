"""The folder with what each client's agent is set up with: a file each, for its owner's eyes alone."""

import json
import os
from pathlib import Path
from typing import Any

from worker.onboarding.clients import Client
from worker.onboarding.tools import tools_of


class Folder:
    """Keep a file a client, which has its API key: the text of a key is nowhere else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, client: Client, *, url: str, handle: str, key: str | None) -> bool:
        """Write a client's tools; return whether its file has its API key.

        `key` is the text of one that was just made; None: that of its file is kept, if it is the same key's.
        """
        key = key or self._stored(client.name, handle)
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        tools = tools_of(client, url=url, handle=handle, key=key)
        shown = json.dumps({"client": client.name, "api_key": key, **tools}, indent=2, ensure_ascii=False)
        written = self._path / f".{client.name}.new"
        written.unlink(missing_ok=True)
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{shown}\n")
        written.replace(self._path / f"{client.name}.json")  # whole, or the one of before
        return key is not None

    def _stored(self, name: str, handle: str) -> str | None:
        try:
            read: dict[str, Any] = json.loads((self._path / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        key = read.get("api_key")
        return key if isinstance(key, str) and key.startswith(f"bw_{handle}_") else None
