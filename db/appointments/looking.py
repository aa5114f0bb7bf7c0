"""Look on in a list where no index knows what is wanted, step by step: no step reads more than a bounded part."""

from collections.abc import Callable

from sqlalchemy import Connection

from db.appointments.listing import SCAN, Filter, Listed, ListPage, is_dense, page

STEP = 10_000
"""Rows of a step in the order in which they were stored; in another order each may stand on a page of its own."""


def look_on(
    conn: Connection,
    wanted: Filter,
    after: str | None,
    limit: int,
    goes_on: Callable[[], bool],
    *,
    scan: int | None = None,
) -> ListPage:
    """Look on behind `after`, step by step, until there are `limit` rows, the list ends, or `goes_on` says no.

    `scan`: the rows that one step looks at.

    Raises:
        ValueError: `after` is none that a page of this list has given.
    """
    found: list[Listed] = []
    looked, down_to = 0, None
    scan = scan or (STEP if is_dense(wanted) else SCAN)
    while True:
        step = page(conn, wanted, after=after, limit=limit - len(found), scan=scan)
        found += step.rows
        after, looked, down_to = step.next, looked + step.looked, step.down_to or down_to
        if after is None or len(found) >= limit or not goes_on():
            return ListPage(found, after, looked, down_to)
