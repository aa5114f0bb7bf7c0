"""`booking accounts report`: one account's figures, as text, JSON, or a file for the client."""

from dataclasses import asdict

from tasks.accounts.report.figures import read_report
from tasks.accounts.report.files import as_csv, as_html, period, title
from tasks.accounts.report.sections import Section, sections
from tasks.overview.cards import read_shared
from worker.cli.named import named_account
from worker.cli.report.period import period as read_period
from worker.cli.session import ready
from worker.console import screen
from worker.console.stop import Stop


def run(name: str, *, since: str, html: bool, csv: bool, json: bool) -> bool:
    """Show the report of an account; return True.

    Raises:
        BadParameter: The period cannot be read.
        Stop: No account has that name, or two forms are asked for.
    """
    if html + csv + json > 1:
        raise Stop("give one of --html, --csv and --json")
    span, deps = read_period("--since", since), ready()
    stops_default = read_shared(deps).stops_default
    with deps.engine.connect() as conn:
        account = named_account(conn, name)
        found = read_report(
            conn,
            account,
            deps.breaker.service,
            period=span,
            lead=deps.timings.lead,
            stops_default=stops_default,
        )
    if json:
        screen.as_json(asdict(found))
    elif html or csv:
        screen.out.file.write(as_html(found) if html else as_csv(found))
    else:
        screen.say((title(found), "bold"))
        screen.say((period(found), "dim"))
        for section in sections(found):
            _show(section)
    return True


def _show(section: Section) -> None:
    screen.say()
    screen.say((section.title, "bold"))
    if not section.rows:
        screen.say(section.nothing)
        return
    lines = [section.head, *section.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(section.head))]
    for number, line in enumerate(lines):
        shown = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        screen.say((screen.plain(shown), "" if number else "dim"))
