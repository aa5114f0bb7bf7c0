"""Promise 3 in the code: nothing of the product calls Cal.com around the breaker and the limit."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GUARD = Path("tasks/guarded_calls/calls.py")
SIMULATED = Path("worker/local")  # there `calcom` is the simulator
FINGERPRINTS = {"key_fingerprint", "settings_fingerprint"}


def unguarded(source: str) -> list[str]:
    """Return what is asked of the client besides whose key and which settings it has."""
    return [
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr not in FINGERPRINTS
        and "calcom" in {getattr(node.value, "attr", None), getattr(node.value, "id", None)}
    ]


def test_only_the_guarded_call_calls_cal_com() -> None:
    """Each call has a permit and a report: in one place."""
    files = [path.relative_to(ROOT) for name in ("worker", "tasks") for path in sorted((ROOT / name).rglob("*.py"))]
    product = [path for path in files if path != GUARD and SIMULATED not in path.parents]

    found = {str(path): calls for path in product if (calls := unguarded((ROOT / path).read_text("utf-8")))}

    assert len(product) > 100
    assert found == {}


@pytest.mark.parametrize(
    "call", ["dependencies.current().calcom.me()", "calcom.list_bookings({})", "self.deps.calcom.booking"]
)
def test_a_call_around_the_guard_is_seen(call: str) -> None:
    """Through the dependencies, or by a name of its own."""
    assert len(unguarded(call)) == 1
