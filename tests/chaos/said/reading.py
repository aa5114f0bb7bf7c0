"""Gather all that a run's callers were told, and what lives of each booking, and have it judged."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from tests.chaos.books import Line, References, Row
from tests.chaos.changes.books import Change
from tests.chaos.kinds import WEEKS
from tests.chaos.processes import http_caller, receiver
from tests.chaos.said.judge import Facts, untrue
from tests.chaos.said.words import Word

if TYPE_CHECKING:
    from tests.chaos.environment import ChaosEnvironment
    from tests.chaos.judge import Record


def words(environment: "ChaosEnvironment") -> Iterator[Word]:
    """Yield what was heard: by the suite's own callers, by the one over HTTP, and by the receiver that answers."""
    yield from environment.said
    if environment.telling is not None:
        yield from http_caller.said(environment.receipts)
        yield from receiver.said(environment.telling.live.journal)


def counted(environment: "ChaosEnvironment") -> dict[str, int]:
    """Count the words by where they were said."""
    return dict(Counter(word.face for word in words(environment)))


def judged(environment: "ChaosEnvironment", ours: "Record", made: References) -> Iterator[str]:
    """Find the words that were not so, or did not stay so."""
    heard = defaultdict[int, list[Word]](list)
    for word in words(environment):
        heard[word.booking].append(word)
    changes = defaultdict[int, list[Change]](list)
    for change in ours.changes:
        changes[change.booking].append(change)
    for row in ours.rows:
        facts = _facts(row, made.get(row.reference, ()), changes[row.id], environment.deeds)
        yield from _told(heard.pop(row.id, []), facts)
    for of_nobody in heard.values():
        yield from _told(of_nobody, Facts(is_kept=False))


def _told(heard: Sequence[Word], facts: Facts) -> Iterator[str]:
    for word, why in untrue(heard, facts):
        yield f"booking {word.booking}: {word.words()}: {why}"


def _facts(row: Row, lines: Sequence[Line], changes: Sequence[Change], deeds: Collection[str]) -> Facts:
    """Return what there is of a booking; who changes a series at Cal.com changes each week of it."""
    of_series = {line.uid for line in lines} if row.event_type_id in WEEKS else set()
    done = {*deeds, *of_series} if not of_series.isdisjoint(deeds) else deeds
    return Facts(lines=lines, weeks=of_series, changes=changes, deeds=done, learned=row.learned)
