"""One way in which the product is broken on purpose, and what sees it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Removal:
    """A guard taken away: `old` stands exactly once in one file, and `new` is there instead."""

    name: str
    file: str
    old: str
    new: str

    def problem(self, root: Path) -> str | None:
        """Say why this no longer fits the tree below `root`; None when it does."""
        path = root / self.file
        found = path.read_text("utf-8").count(self.old) if path.is_file() else 0
        if found != 1:
            return f"{self.name}: its text stands {found} times in {self.file}, and must stand there once"
        return None


@dataclass(frozen=True, slots=True)
class Breakage(Removal):
    """A guard without which `test` must fail."""

    promise: int
    """Its number in docs/promises.md."""
    test: str

    def problem(self, root: Path) -> str | None:
        """Say also that there is no such test."""
        if not (root / self.test.partition("::")[0]).is_file():
            return f"{self.name}: there is no {self.test}"
        return Removal.problem(self, root)  # `super()` fails in a dataclass with slots

    def apply(self, root: Path) -> None:
        """Break the tree below `root`; a file of it may be another tree's too, and stays as it is there."""
        path = root / self.file
        broken = path.read_text("utf-8").replace(self.old, self.new)
        path.unlink()
        path.write_text(broken, "utf-8")
