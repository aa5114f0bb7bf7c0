"""The tables of all models: those of `db.models` are known once their module is imported."""

import pkgutil
from importlib import import_module

from sqlalchemy import MetaData

from db import models
from db.models.bookings import metadata


def all_tables() -> MetaData:
    """Return the models' tables, with each module imported."""
    for module in pkgutil.iter_modules(models.__path__, "db.models."):
        import_module(module.name)
    return metadata
