"""The overview that all viewers share, as JSON with its tag: read again when a viewer asks and it is not fresh."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from db.monitoring.incidents import Incident
from tasks.incidents.messages import what_to_do
from tasks.incidents.places import page_path
from tasks.overview.payload import payload
from tasks.overview.reading import Overview, read_overview
from tasks.overview.verdict import Verdict, verdict
from tasks.story.sentences import because
from worker.page.base import as_json
from worker.page.reading import Readers, Shared, readers
from worker.shell import enqueue_one

FRESH = 0.8  # seconds
PATIENCE = 0.8  # seconds: a page that asks each second shows a frozen Postgres within three


@dataclass(frozen=True)
class OverviewAnswer:
    """The answer of one reading; `tag` is the hash of all but the moment of the reading."""

    overview: Overview = field(repr=False)
    verdict: Verdict = field(repr=False)
    text: str
    tag: str


class OverviewReader:
    """Read the overview; each reading gets the last one: since when a server is down, and which sentence is shown."""

    def __init__(self, reads: Readers) -> None:
        self._reads = reads
        self._before: OverviewAnswer | None = None

    async def read(self) -> OverviewAnswer:
        """Return the next reading."""
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._reads.overview_thread, self._read)
        self._before = answer
        return answer

    def _read(self) -> OverviewAnswer:
        last = self._before
        seen = read_overview(self._reads.deps, patience=PATIENCE, before=last.overview if last else None)
        said = verdict(seen, last.verdict if last else None)
        told = payload(seen, said)
        if seen.record:
            told["changes"] = [one | {"because": because(one["to"], one["reason"])} for one in told["changes"]]
            told["incidents"] = [
                one | _guide(found) for one, found in zip(told["incidents"], seen.record.incidents, strict=True)
            ]
        if told["first_day"]:
            told["try"] = enqueue_one(self._reads.settings, datetime.now(UTC))
        lasting = {name: value for name, value in told.items() if name != "read_at"}
        tag = hashlib.sha256(as_json(lasting).encode()).hexdigest()[:32]
        return OverviewAnswer(seen, said, as_json(told), f'"{tag}"')


def _guide(incident: Incident) -> dict[str, str]:
    """Return what an operator does about an incident, and where on the page it is."""
    return {"do": what_to_do(incident), "path": page_path(incident)}


@cache
def shared_overview() -> Shared[OverviewAnswer]:
    """Return this process's shared reading."""
    return Shared(OverviewReader(readers()).read, FRESH)
