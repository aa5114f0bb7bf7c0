"""Build the engine from the settings; apart from the wiring, for commands that only read Postgres."""

from sqlalchemy import Engine

from db.engine import make_engine
from worker.settings.model import Settings


def engine_of(settings: Settings, **connections: int) -> Engine:
    """Return the engine of these settings; `connections` are what `make_engine` is given for them, as `pool_size`."""
    return make_engine(settings.database_url or "", schema=settings.database_schema, **connections)
