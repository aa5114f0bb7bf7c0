"""`booking alerts`: the latest incidents, which alerts were delivered, and a test of the sinks."""

from typing import Any

import typer
from sqlalchemy import func, select

from db.monitoring import incidents
from db.monitoring.incidents import Incident
from tasks.incidents.places import page_path
from tasks.ports.sinks import AlertMessage
from tasks.words import ago
from worker.alerts.sinks import AlertSinks
from worker.cli.session import record
from worker.console import screen
from worker.settings.model import Settings

_TEST = AlertMessage(
    "Test of booking-worker's alerts: nothing is wrong", "Sent by `booking alerts --test`. Nothing is to be done."
)


def run(*, test: bool, json: bool) -> bool:
    """Show the latest incidents, or send a test message; return whether all sinks took it.

    Raises:
        typer.BadParameter: Both the test and JSON are asked for.
    """
    if test and json:
        raise typer.BadParameter("--test prints no JSON")
    if test:
        return _test()
    _show(json=json)
    return True


def _test() -> bool:
    """Send a test message to each sink, print the result, and return whether all sinks took it."""
    sinks = AlertSinks(Settings.load().alert_urls)
    if not sinks.names:
        screen.note("ALERT_URLS: not given, so nobody is notified; set it to Apprise URLs, separated by blanks")
        return False
    ok = True
    for place, error in sinks.deliver([(name, _TEST) for name in sinks.names]):
        mark = ("ok     ", "green") if error is None else ("WRONG  ", "bold red")
        screen.say(mark, f"{sinks.names[place]:<18} {error or 'took the message'}")
        ok = ok and error is None
    return ok


def _show(*, json: bool) -> None:
    """Show the latest incidents, and which alerts could not be delivered."""
    with record() as (conn, settings):
        found = incidents.notified(conn)
        errors = incidents.delivery_errors(conn, [incident.id for incident in found])
        now = conn.execute(select(func.now())).scalar_one()
    if json:
        screen.as_json(
            {"incidents": [_as_dict(incident, errors.get(incident.id, []), settings.page_url) for incident in found]}
        )
    elif not found:
        screen.say("No incident.")
    for incident in [] if json else found:
        mark = ("open   ", "bold yellow") if incident.closed_at is None else ("over   ", "dim")
        screen.say(mark, f"{incident.id:>5}  {ago(incident.opened_at, now):<12} {incident.title}")
        if incident.closed_at is None:
            screen.say(" " * 27, _address(incident, settings.page_url))
        for error in errors.get(incident.id, []):
            screen.say(" " * 27, ("not told: ", "bold yellow"), error)


def _as_dict(incident: Incident, errors: list[str], page: str) -> dict[str, Any]:
    names = ("id", "kind", "subject", "occurrences", "opened_at", "last_seen_at", "notified_at", "closed_at", "message")
    shown = {name: getattr(incident, name) for name in names}
    return shown | {
        "page": _address(incident, page),
        "messages": incident.news,
        "not_told": errors,
    }


def _address(incident: Incident, page: str) -> str:
    return f"{page}{page_path(incident)}"
