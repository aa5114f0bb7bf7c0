"""A run of tests that fails once by a wait, always by a wait, or by a wrong value: what it comes to, side by side."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.running.waiting import eventually
from tests.unit.running.conftest import Suite, ended, started


def test_a_wait_that_runs_out_beside_others_lands_and_is_named_with_its_first_output(suite: Suite) -> None:
    """Its last lines have the output; in the report it has passed, and the others were run once."""
    ran = suite(
        """
        def test_unsteady():
            print("what it said")
            if times("unsteady") == 1:
                eventually(lambda: False, within=0, what="a booking is final")

        def test_steady():
            times("steady")
        """
    )
    assert (ran.code, ran.looks("unsteady"), ran.looks("steady")) == (0, 2, 1), ran.out
    last = ran.out[ran.out.index("unsteady: test_suite.py::test_unsteady") :]
    assert "not within 0 s: a booking is final" in last
    assert "what it said" in last
    assert last == (ran.folder / "unsteady.txt").read_text().lstrip() + last.splitlines()[-1] + "\n"
    assert re.fullmatch(r"1 passed, 1 unsteady in .*|1 unsteady, 1 passed in .*", last.splitlines()[-1])
    assert ran.cases() == {"test_unsteady": "passed", "test_steady": "passed"}


def test_a_wait_that_always_runs_out_fails_the_run(suite: Suite) -> None:
    """It is looked at twice, and the report has one failure."""
    ran = suite(
        """
        def test_never():
            times("never")
            eventually(lambda: False, within=0)

        def test_steady(): pass
        """
    )
    assert (ran.code, ran.looks("never")) == (1, 2), ran.out
    assert ran.cases() == {"test_never": "failure", "test_steady": "passed"}


@pytest.mark.parametrize(("unsteady", "code", "looks"), [(5, 0, 2), (6, 1, 1)])
def test_five_unsteady_tests_land_and_six_do_not(suite: Suite, unsteady: int, code: int, looks: int) -> None:
    """Six are not even looked at again."""
    ran = suite(
        f"""
        @pytest.mark.parametrize("number", range({unsteady}))
        def test_unsteady(number):
            if times(str(number)) == 1:
                raise TimeoutError
        """
    )
    assert (ran.code, {ran.looks(str(number)) for number in range(unsteady)}) == (code, {looks}), ran.out
    assert set(ran.cases().values()) == {"failure" if code else "passed"}


WRONG = {
    "a wrong value": "assert times('x') > 1",
    "a failure": "times('x') > 1 or pytest.fail('wrong')",
    "no failure": "with pytest.raises(TimeoutError): times('x')",
    "a wrong value while a wait ran out": """
            try:
                eventually(lambda: False, within=0)
            finally:
                assert times("x") > 1""",
    "a wait that ran out while a value was wrong": """
            try:
                assert times("x") > 1
            finally:
                eventually(lambda: times("y") > 1, within=0)""",
    "another error": "1 / (times('x') - 1)",
    "two errors of which one is a wait": """
            if times("x") == 1:
                raise ExceptionGroup("two", [TimeoutError(), ValueError()])""",
    "the end of its process": "times('x') > 1 or os._exit(3)",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_value_fails_the_run_without_a_second_look(suite: Suite, wrong: str) -> None:
    """Nor is an unsteady one looked at again: the run has failed."""
    ran = suite(
        f"""
        def test_wrong():
            {wrong}

        def test_unsteady():
            if times("unsteady") == 1:
                eventually(lambda: False, within=0)

        def test_steady(): pass
        """
    )
    assert (ran.code, ran.looks("x"), ran.looks("unsteady")) == (1, 1, 1), ran.out
    assert ran.cases() == {"test_wrong": "failure", "test_unsteady": "failure", "test_steady": "passed"}


def test_each_time_out_is_a_wait(suite: Suite) -> None:
    """By its type."""
    ran = suite(
        """
        WAITS = {
            "a condition": lambda: eventually(lambda: False, within=0),
            "a process": lambda: subprocess.run(["sleep", "60"], timeout=0.01),
            "a queue": lambda: queue.Queue().get(timeout=0.01),
            "an answer": lambda: raises(requests.ReadTimeout()),
            "a group": lambda: raises(ExceptionGroup("two", [TimeoutError(), requests.ConnectTimeout()])),
        }

        def raises(error): raise error

        @pytest.mark.parametrize("wait", WAITS)
        def test_unsteady(wait):
            if times(wait) == 1:
                WAITS[wait]()
        """
    )
    assert ran.code == 0, ran.out
    assert "5 unsteady" in ran.out


def test_set_up_and_tear_down_are_looked_at_twice_by_the_same_rule(suite: Suite) -> None:
    """A fixture that waits is no other wait than the test's."""
    ran = suite(
        """
        @pytest.fixture
        def late():
            if times("late") == 1:
                eventually(lambda: False, within=0)

        @pytest.fixture
        def lasting():
            yield
            if times("lasting") == 1:
                eventually(lambda: False, within=0)

        def test_set_up(late): pass
        def test_tear_down(lasting): pass
        """
    )
    assert (ran.code, ran.looks("late"), ran.looks("lasting")) == (0, 2, 2), ran.out
    assert ran.cases() == {"test_set_up": "passed", "test_tear_down": "passed"}


def test_a_run_that_ends_at_its_first_failure_ends_without_a_second_look(suite: Suite) -> None:
    """What was not run cannot be said to pass."""
    ran = suite(
        """
        def test_wrong(): assert times("wrong") > 1
        """,
        "--processes=2",
        "-x",
    )
    assert (ran.code, ran.looks("wrong")) == (1, 1), ran.out


def test_without_processes_nothing_is_looked_at_twice(suite: Suite) -> None:
    """Who runs one test sees how it fails; the breakages, too."""
    ran = suite(
        """
        def test_unsteady():
            if times("unsteady") == 1:
                raise TimeoutError
        """,
        "--processes=0",
    )
    assert (ran.code, ran.looks("unsteady")) == (1, 1), ran.out


def test_tests_that_must_be_alone_are_run_when_all_others_are_over(suite: Suite) -> None:
    """And each test once, in one process or another."""
    ran = suite(
        """
        @pytest.mark.alone
        def test_alone():
            assert len(list(HERE.glob("ended-*"))) == 20

        @pytest.mark.parametrize("number", range(20))
        def test_others(number):
            assert times(f"ended-{number}") == 1
        """
    )
    assert ran.code == 0, ran.out
    assert len(ran.cases()) == 21


def test_what_is_shared_is_made_once_a_process_and_ended_in_it(suite: Suite) -> None:
    """A file's tests are one share."""
    ran = suite(
        """
        @pytest.fixture(scope="session")
        def server():
            times("begun")
            yield os.getpid()
            assert times("ended") == times("begun") - 1

        @pytest.mark.parametrize("number", range(20))
        def test_others(server, number):
            assert server == os.getpid()
        """
    )
    assert (ran.code, ran.looks("ended")) == (0, 1), ran.out


@pytest.mark.parametrize(
    ("mark", "shared"), [("", "browser"), ("@pytest.mark.debian_rabbitmq", "rabbit")], ids=["browser", "RabbitMQ"]
)
def test_nobody_runs_in_the_process_of_a_browser_or_of_rabbitmq_after_it(suite: Suite, mark: str, shared: str) -> None:
    """All tests of one have one process: a browser's loop would be in the way, and RabbitMQ uses a core."""
    ran = suite(
        f"""
        RAN = []

        @pytest.fixture(scope="session")
        def {shared}():
            times("made")
            yield
            times("ended")

        @pytest.fixture(scope="session")
        def fleet():
            pass

        {mark}
        @pytest.mark.parametrize("number", range(4))
        def test_shares({shared}, fleet, number):
            RAN.append(number)

        @pytest.mark.parametrize("number", range(30))
        def test_does_not_share(fleet, number):
            times("others")
            assert not RAN
        """,
    )
    looks = [ran.looks(name) for name in ("made", "ended", "others")]
    assert (ran.code, looks) == (0, [1, 1, 30]), ran.out


def test_what_was_logged_to_since_a_module_was_imported_is_captured_in_each_process(suite: Suite) -> None:
    """As pytest captures it in one process: each test's output is its own, and no stream is closed."""
    ran = suite(
        """
        import logging
        LOG = logging.getLogger("early")
        LOG.addHandler(logging.StreamHandler())

        @pytest.mark.parametrize("number", range(6))
        def test_logs(number):
            LOG.warning("warned by %d", number)
            os.write(2, b"and wrote\\n")
            assert number not in (1, 4)
        """,
        "--show-capture=stderr",
    )
    captured = re.findall(r"Captured stderr call -+\n(.*?)\n[_=-]", ran.out, re.DOTALL)
    assert sorted(captured) == [f"warned by {number}\nand wrote" for number in (1, 4)], ran.out


@pytest.mark.parametrize("looks", [1, 2], ids=["first look", "second look"])
def test_ctrl_c_ends_each_process_and_what_it_has_begun(tmp_path: Path, looks: int) -> None:
    """As it ends pytest: the exit code is 2, and fixtures are torn down."""
    tests = f"""
        def test_never():
            raise TimeoutError

        @pytest.fixture
        def server():
            yield
            times("ended")

        def test_waits(server):
            if times("looked") < {looks}:
                raise TimeoutError
            (HERE / "begun").touch()
            threading.Event().wait(600)  # Ctrl-C ends it: the test is about that
        """
    with started(tmp_path, tests) as pid:
        eventually((tmp_path / "begun").exists)
        os.kill(pid, signal.SIGINT)
        assert ended(pid) == 2
    out = (tmp_path / "out").read_text()
    assert "KeyboardInterrupt" in out
    assert out.count("FAILED test_suite.py::test_never") == 1, "what was to be looked at again is told"
    assert len((tmp_path / "ended").read_text()) == looks
