"""`booking held`: what is held, and for which reason."""

from dataclasses import asdict
from datetime import datetime

from rich.table import Table
from sqlalchemy import func, select

from db.monitoring import status_queries
from db.monitoring.status_queries import HoldSummary
from tasks.words import ago
from worker.cli.session import ready
from worker.console import screen


def run(*, json: bool) -> None:
    """Show what is held, by reason."""
    with ready().engine.connect() as conn:
        held = status_queries.hold_summaries(conn)
        now: datetime = conn.execute(select(func.now())).scalar_one()
    if json:
        screen.as_json({"held": sum(hold.count for hold in held), "reasons": [asdict(hold) for hold in held]})
    elif held:
        screen.show(_table(held, now))
    else:
        screen.say("Nothing is held.")


def _table(held: list[HoldSummary], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name, side in (("reason", "left"), ("held", "right"), ("oldest", "left"), ("asked", "left"), ("next", "left")):
        table.add_column(name, justify=side)  # type: ignore[arg-type]  # of the words above
    for hold in held:
        table.add_row(
            str(hold.reason),
            f"{hold.count:,}",
            ago(hold.oldest_held_at, now),
            ago(hold.oldest_requested_at, now),
            ago(hold.next_until, now) if hold.next_until else "-",
        )
    return table
