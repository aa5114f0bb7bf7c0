"""Load modules without looking for garbage in them: there is none, and the search takes as long as an answer."""

import gc
import sys
from importlib import import_module
from types import ModuleType


def load(module: str) -> ModuleType:
    """Import a module; nothing that it brings is searched for garbage, then or later."""
    if module in sys.modules:
        return sys.modules[module]
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def end() -> None:
    """Leave out the last search of a process that ends: its memory goes with it."""
    gc.freeze()
