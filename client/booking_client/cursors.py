"""A cursor is PostgreSQL's snapshot: what that did not see, and today's does, has committed since, in whatever order.

While a page is read a cursor also holds the page's own snapshot and the last row that was read.
A snapshot counts as seen every transaction that is over. If one was rolled back and is on no disk yet, a crash of
PostgreSQL forgets it, and gives its number to another one. So it is cut after the last row, which is on disk.
"""

import re
from typing import NamedTuple

_SNAPSHOT = r"\d{1,18}:\d{1,18}:(?:\d{1,18}(?:,\d{1,18})*)?"
_CURSOR = rf"{_SNAPSHOT}|(?:{_SNAPSHOT})?/{_SNAPSHOT}/\d{{1,18}}/\d{{1,18}}"


class Place(NamedTuple):
    """Hold where a reader is: `since` and `until` are snapshots, that of its beginning (None: all) and of its page.

    `xid` and `event` are those of the last row that it has read in this page.
    """

    since: str | None
    until: str | None = None
    xid: int = 0
    event: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        """Return the place of a cursor.

        Raises:
            ValueError: It is no cursor.
        """
        if cursor and not (isinstance(cursor, str) and re.fullmatch(_CURSOR, cursor, re.ASCII)):
            raise ValueError("this is no cursor: give one that `cursor()` or a settled booking has, or None")
        since, *page = (cursor or "").split("/")
        if not all(_is_snapshot(one) for one in (since, *page[:1]) if one):
            raise ValueError("this is no cursor: its snapshot is none")
        if not page:
            return cls(since or None)
        until, xid, event = page
        return cls(since or None, until, int(xid), int(event))

    def after(self) -> "Place":
        """Return the place of the next page, once this one is read: it begins where its snapshot ends."""
        last = int(self.since.split(":")[1]) - 1 if self.since else 0
        return Place(cut(str(self.until), max(last, self.xid)))

    def __str__(self) -> str:
        """Return the cursor of this place, within a page."""
        return f"{self.since or ''}/{self.until}/{self.xid}/{self.event}"


def cut(snapshot: str, last: int) -> str:
    """Return a snapshot that counts nothing after the transaction `last` as seen."""
    xmin, xmax, running = snapshot.split(":")
    end = min(int(xmax), last + 1)
    return f"{min(int(xmin), end)}:{end}:{','.join(one for one in running.split(',') if one and int(one) < end)}"


def _is_snapshot(text: str) -> bool:
    """Return whether PostgreSQL takes a text as a snapshot (parse_snapshot in its xid8funcs.c)."""
    xmin, xmax, running = text.split(":")
    between = [int(one) for one in running.split(",") if one]
    low, high = int(xmin), int(xmax)
    return 0 < low <= high and between == sorted(between) and all(low <= one < high for one in between)
