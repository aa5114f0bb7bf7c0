"""`booking ...` in this process, with the environment as it is."""

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from worker.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read its last line."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def said(self) -> str:
        """Return both streams, for what must be, or must not be, on either."""
        return self.out + self.err


@dataclass(frozen=True)
class CommandLine:
    """Run commands; what was printed before one is no part of its output."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: object) -> Ran:
        """Run one to its end."""
        self.monkeypatch.setattr(sys, "argv", ["booking", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Ran(int(ended.value.code or 0), said.out, said.err)
