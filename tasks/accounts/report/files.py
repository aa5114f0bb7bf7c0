"""One account's report as files that may be handed to the client: HTML that needs nothing else, and CSV."""

import csv
import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape

from tasks.accounts.report.figures import AccountReport
from tasks.accounts.report.sections import Section, sections
from tasks.words import clock

_STYLE = """:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
div { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .3rem .6rem }
th, td { text-align: left }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem }
"""


STYLE_HASH = f"sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}"
"""By which a Content-Security-Policy allows the document's style, and no other."""


def as_html(report: AccountReport, links: Sequence[tuple[str, str]] = ()) -> str:
    """Return the report as one HTML document without scripts, which asks for no other file.

    `links` are words with their addresses, above the report; a file has none.
    """
    to = " ".join(f'<a href="{escape(address)}">{escape(word)}</a>' for word, address in links)
    nav = f'<nav aria-label="Periods and files">{to}</nav>\n' if links else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title(report))}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head>\n<body>\n{nav}{_body(report)}</body></html>\n"
    )


def _body(report: AccountReport) -> str:
    return f"<h1>{escape(title(report))}</h1>\n<p>{period(report)}</p>\n" + "".join(map(_table, sections(report)))


def as_csv(report: AccountReport) -> str:
    """Return the report as CSV: each row begins with the name of its table."""
    text = io.StringIO(newline="")
    written = csv.writer(text)
    written.writerow(("account", report.account, "from", clock(report.since), "to", clock(report.until)))
    for section in sections(report):
        written.writerow((section.title, *section.head))
        written.writerows((section.title, *row) for row in section.rows)
    return text.getvalue()


def title(report: AccountReport) -> str:
    """Return the report's title."""
    return f"Bookings of {report.account}"


def period(report: AccountReport) -> str:
    """Return from when to when it is."""
    return f"From {clock(report.since)} to {clock(report.until)}"


def _table(section: Section) -> str:
    return "".join(_lines(section))


def _lines(section: Section) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>\n"
    if not section.rows:
        yield f"<p>{escape(section.nothing)}</p>\n"
        return
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in section.head)
    yield f'<div tabindex="0" role="region" aria-label="{escape(section.title)}"><table>'
    yield f"<thead><tr>{head}</tr></thead><tbody>\n"
    for first, *others in section.rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        yield f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>\n'
    yield "</tbody></table></div>\n"
