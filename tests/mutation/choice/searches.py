"""The searches that `make breakages` runs after the breakages, and what each is made of."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from tests.mutation.choice.definitions import ALL
from tests.mutation.choice.graph import Graph
from tests.mutation.trials.trial import WITHOUT

SEARCHES = MappingProxyType(
    {
        "tests/mutation/searches/lua_changes.py": ("resilience/lua/",),
        "tests/mutation/searches/model_changes.py": (),
        "tests/mutation/searches/model_evidence.py": (),
        "tests/mutation/searches/model_guards.py": (),
        "tests/mutation/searches/model_holds.py": ("db/sql/",),
    }
)
"""Each with the folders of the product that it reads by itself."""
_PACKAGES = {name: name for name in ("resilience", "db", "tasks", "worker")} | {
    "booking_client": "client/booking_client"
}


def searched(graph: Graph, path: str) -> frozenset[str]:
    """Return what the modules of a search import of the product or break in it.

    The product's own imports are not followed. A search runs the product in its own process, so that what it imports
    is what it searches.
    """
    return graph.product({module for module, _ in graph.reached([(path, ALL)])}, _PACKAGES)


def search(folder: Path, paths: Sequence[str]) -> dict[str, int] | None:
    """Run these searches, and return how many tests of each passed; None: one did not."""
    if not paths:
        return {}
    report = folder / "searches.xml"
    argv = [sys.executable, "-m", "pytest", "-n", "2", f"--junitxml={report}", *WITHOUT, *paths]
    if subprocess.run(argv, check=False, stdout=sys.stderr).returncode != 0:
        return None
    modules = Counter(case.get("classname", "") for case in ET.parse(report).iter("testcase"))  # noqa: S314 - ours
    return {path: modules[path.removesuffix(".py").replace("/", ".")] for path in paths}
