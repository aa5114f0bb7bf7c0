"""What is in the wheels' metadata, in a caller's environment, and in the types that a caller sees."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.hosts.environments import Environment, Wrong, command

CALLERS = Path(__file__).parent / "callers"
MOST_PACKAGES, MOST_MEGABYTES = 12, 40


def judge_wheels(tools: Environment, wheels: Sequence[Path]) -> None:
    """Raise Wrong: an index would refuse a wheel, or warn of it."""
    command([tools.python, "-m", "twine", "check", "--strict", *wheels])


def judge_caller(caller: Environment) -> str:
    """Return the number of packages of a caller and their size. Raises Wrong: they are too many."""
    packages, megabytes = len(caller.versions()), caller.megabytes()
    if packages > MOST_PACKAGES or megabytes > MOST_MEGABYTES:
        raise Wrong(f"a caller has {packages} packages of {megabytes} MB")
    return f"a caller has {packages} packages, {megabytes} MB"


def judge_types(tools: Environment, environment: Environment) -> None:
    """Raise Wrong: a type checker finds an error in a small caller, with the wheels as they are installed."""
    caller = CALLERS / f"by_{environment.guest}.py"
    folder = environment.folder  # no settings of the repository
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"]
    command([*mypy, f"--python-executable={environment.python}", caller], cwd=folder)
    command([tools.python, "-m", "pyright", "--pythonpath", environment.python, caller], cwd=folder)
