"""The steps at which a process is told to die are where the product has them."""

from functools import reduce
from importlib import import_module

import pytest

from tests.chaos.faults.steps import STEPS


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, name, _ in STEPS.values()])
def test_each_step_is_a_name_of_the_product(module: str, name: str) -> None:
    """Else no process of `make promises` starts, and that is not seen before it is run."""
    assert reduce(getattr, name.split("."), import_module(module)) is not None
