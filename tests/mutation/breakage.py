"""One way in which the product is broken on purpose."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Breakage:
    """One change of one file: `old` stands in it exactly once, and with `new` instead `test` must fail."""

    name: str
    promise: int
    """Its number in docs/promises.md."""
    file: str
    old: str
    new: str
    test: str

    def problem(self, root: Path) -> str | None:
        """Say why this breakage no longer fits the tree below `root`; None when it does."""
        path = root / self.file
        found = path.read_text("utf-8").count(self.old) if path.is_file() else 0
        if found != 1:
            return f"{self.name}: its text stands {found} times in {self.file}, and must stand there once"
        if not (root / self.test.partition("::")[0]).is_file():
            return f"{self.name}: there is no {self.test}"
        return None

    def apply(self, root: Path) -> None:
        """Break the tree below `root`; a file of it may be another tree's too, and stays as it is there."""
        path = root / self.file
        broken = path.read_text("utf-8").replace(self.old, self.new)
        path.unlink()
        path.write_text(broken, "utf-8")
