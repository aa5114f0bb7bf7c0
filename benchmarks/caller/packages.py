"""What `pip install booking-worker-client` brings into a fresh environment: packages, and megabytes on the disk.

It needs a package index. Compiled bytecode is left out: the caller's own Python writes it or does not.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "client"
PACKAGES, BYTES = 12, 40e6  # what they may be: psycopg's binary is among them
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


def pairs() -> Iterator[dict[str, float]]:
    """Install the client's wheel with all that it depends on, in a folder that had nothing."""
    with tempfile.TemporaryDirectory() as folder:
        dist, there = Path(folder, "dist"), Path(folder, "there")
        build = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(dist))
        subprocess.run(build, cwd=CLIENT, check=True, stdout=sys.stderr)
        [wheel] = dist.glob("*.whl")
        subprocess.run(
            (*PIP, "install", "--no-compile", "--only-binary", ":all:", "--target", str(there), str(wheel)),
            check=True,
            stdout=sys.stderr,
        )
        size = sum(path.stat().st_size for path in there.rglob("*") if path.is_file())
        names = sorted(path.name for path in there.glob("*.dist-info"))
    print(f"  {size / 1e6:.1f} MB, {len(names)} packages: {' '.join(names)}", file=sys.stderr, flush=True)
    yield {"client_packages": len(names) / PACKAGES, "client_size": size / BYTES}
