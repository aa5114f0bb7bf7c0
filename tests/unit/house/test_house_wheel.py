"""The wheel has all that the product reads beside its modules: scripts, statements, templates, the page."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[3]
PACKAGES = ("worker", "tasks", "resilience", "db")


def test_the_wheel_has_every_file_of_the_packages(tmp_path: Path) -> None:
    """Flower shows the page, and Redis is given its scripts, wherever the wheel is installed."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    [wheel] = tmp_path.glob("*.whl")
    packed = set(ZipFile(wheel).namelist())
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {Path(name).suffix for name in here} >= {".py", ".sql", ".lua", ".html", ".css", ".js"}
    assert here - packed == set()
