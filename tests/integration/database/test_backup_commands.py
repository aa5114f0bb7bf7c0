"""docs/deploying.md: a backup as it is typed there, read back as it is typed there."""

import os
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db import revisions
from db.engine import make_engine
from db.models.bookings import appointments
from worker.local.embedded import find

GUIDE = (Path(__file__).parents[3] / "docs" / "deploying.md").read_text("utf-8")
BACKUPS = GUIDE.split("## Backups")[1].split("\n## ")[0]


def test_what_is_dumped_as_typed_is_restored_as_typed(
    record: Any, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """Every booking, at the newest revision; the moment that is kept is one before the dump, as `--since` reads it."""
    row = record.keep()
    dump, restore = re.findall(r"^```sh\n(.*?)^```$", BACKUPS, re.DOTALL | re.MULTILINE)
    path = f"{find.postgres() / 'bin'}:{os.environ['PATH']}"  # noqa: TID251 - where sh finds date
    environment = {"PATH": path, "DATABASE_URL": database_url, "RESTORED_URL": empty_database_url}
    for typed in (dump, restore):
        subprocess.run(["/bin/sh", "-euc", typed], cwd=tmp_path, env=environment, timeout=60, check=True)

    restored = make_engine(empty_database_url)
    with restored.connect() as conn:
        assert conn.execute(select(appointments.c.uuid)).scalars().all() == [row.uuid]
    assert revisions.schema_state(restored).problem is None
    restored.dispose()
    moment = datetime.fromisoformat((tmp_path / "booking.moment").read_text("utf-8").strip())
    assert abs(moment - row.created_at) <= timedelta(minutes=5)
