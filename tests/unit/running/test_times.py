"""The pictures of time at the end of a run: what took most, and whether it has waited or computed."""

import re

from tests.unit.running.conftest import Suite

LINE = re.compile(r"^ *(?P<seconds>[\d.]+) s +(?P<waited>[\d.]+) / +(?P<computed>[\d.]+)  (?P<name>.*)$", re.MULTILINE)


def test_who_waits_and_who_computes_is_told_apart(suite: Suite) -> None:
    """Also in a process of theirs, and in fixtures; a condition that is asked time after time is a wait."""
    ran = suite(
        """
        BURN = "import time\\nbegun = time.process_time()\\nwhile time.process_time() < begun + 0.2: pass"

        @pytest.fixture(scope="module")
        def slow():
            exec(BURN)
            yield
            begun = time.monotonic()
            eventually(lambda: time.monotonic() > begun + 0.3)

        def test_computes(slow):
            subprocess.run(["python", "-c", BURN], check=True)

        @pytest.mark.parametrize("number", range(25))
        def test_waits(slow, number):
            begun = time.monotonic()
            eventually(lambda: time.monotonic() > begun + (0.3 if number == 24 else 0.0))
        """
    )
    assert ran.code == 0, ran.out
    told = {one["name"]: one for one in LINE.finditer(ran.out[ran.out.index("what took most") :])}
    computes, waits = told["test_suite.py::test_computes"], told["test_suite.py::test_waits[24]"]
    assert float(computes["computed"]) >= 0.4
    assert float(computes["waited"]) == 0.0
    assert float(waits["waited"]) >= 0.6, "what it has waited, and its module's fixture"
    assert float(waits["computed"]) < 0.3
    slow = told["slow, 1 times"]
    assert float(slow["computed"]) >= 0.1
    assert float(slow["waited"]) >= 0.3
    assert len([name for name in told if name.startswith("test_suite.py::")]) == 20
    [whole] = [one for name, one in told.items() if name.startswith("all tests; they looked ")]
    assert float(whole["computed"]) >= float(computes["computed"])
