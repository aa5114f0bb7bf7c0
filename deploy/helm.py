"""Render, check and pack the chart by Helm's own SDK, without Kubernetes: `make chart`.

`render` reads a list of values as JSON and answers with what each of them renders: {"is": TEXT}, or {"error": WHY}.
`package FOLDER` writes the chart's archive there. The SDK is kept beside the environment's own packages, for it is no
dependency of the product: the first use installs it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

CHART = Path(__file__).parent / "kubernetes"
SDK = "helm-python-sdk==0.2.2"  # Helm 4.2.3, by its Go SDK
WARNING = 2
PLACE = Path(sys.prefix) / "helm"


def main(arguments: Sequence[str]) -> int:
    """Run from the command line; return the exit code."""
    helm = _sdk()
    if arguments[:1] == ["package"]:
        findings = helm.lint(str(CHART))
        if any(one["severity"] >= WARNING for one in findings["messages"]):
            print(f"helm: {findings}", file=sys.stderr)
            return 1
        packed = helm.package(str(CHART), destination=arguments[1])
        if _rendered(helm, packed, {}) != _rendered(helm, CHART, {}):
            print(f"helm: {packed} renders something else than {CHART}", file=sys.stderr)
            return 1
        print(packed)
        return 0
    json.dump([_rendered(helm, CHART, values) for values in json.load(sys.stdin)], sys.stdout)
    return 0


def _rendered(helm: Any, place: Path | str, values: dict[str, Any]) -> dict[str, str]:
    with helm.Chart.load(str(place)) as chart:
        try:
            chart.validate_schema(values)
            return {"is": "\n---\n".join(chart.render(values, name="booking", namespace="booking").values())}
        except helm.HelmError as error:
            return {"error": str(error)}


def _sdk() -> Any:
    place = PLACE / SDK
    if not place.exists():
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--target")
        PLACE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=PLACE) as folder, suppress(OSError):  # another one may be first
            command = [sys.executable, "-m", "pip", "install", *options, f"{folder}/sdk", SDK]
            subprocess.run(command, check=True, stdout=sys.stderr)
            Path(folder, "sdk").rename(place)
    sys.path.insert(0, str(place))
    import helm_python  # noqa: PLC0415 - it is there now

    return helm_python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
