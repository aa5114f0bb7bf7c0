"""Read what a page says, as its viewer sees it: texts by region, each with its moments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page

OVERVIEW = {
    "level": "#level",
    "sentence": "#sentence",
    "nothing": "#nothing",
    "also": "#also li",
    "trouble": "#trouble",
    "note": "#figures .note:not(#totals *)",
    "card": "#cards article",
    "server": "#cards .parts li",
    "hold": "#holds tbody tr",
    "no hold": "#holds .nothing",
    "account": "#accounts tbody tr",
    "total": "#totals .total",
    "beside totals": "#totals .note",
    "front door": "#front-door tbody tr",
    "no front door": "#front-door .nothing",
    "change": "#changes li",
    "incident": "#incidents li",
    "row": "#list tbody tr",
}
BOOKING = {
    "state": "#one-title",
    "why": "#sentence",
    "wish": "#wishes li",
    "step": "#timeline > .timeline > .step",
    "trouble": "#trouble",
}
# Run in the page. A moment is an object; what is hidden, or only for a screen reader, is left out.
_OF = re.compile(r"These figures are of (\d\d):(\d\d):(\d\d)")
_READ = """(regions) => {
  const ENDS = new Set(["TD", "TH", "H3", "LI", "DT", "DD", "P", "UL", "DL"]);
  const parts = (element, found) => {
    for (const one of element.childNodes) {
      if (one.nodeType === Node.TEXT_NODE) found.push(one.textContent);
      if (one.nodeType !== Node.ELEMENT_NODE || one.hidden || one.classList.contains("visually-hidden")) continue;
      if (one.tagName === "TIME") found.push({ at: one.dateTime, as: one.dataset.as ?? "clock" });
      else parts(one, found);
      if (ENDS.has(one.tagName)) found.push(" | ");
    }
    return found;
  };
  const told = [];
  for (const [region, selector] of Object.entries(regions)) {
    for (const one of document.querySelectorAll(selector)) {
      if (one.closest("[hidden]")) continue;
      told.push({ region, stale: Boolean(one.closest(".stale, .old")), parts: parts(one, []) });
    }
  }
  return told;
}"""


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that the page shows; `style` is clock, seconds, in, ago or for."""

    at: datetime
    style: str


@dataclass(frozen=True, slots=True)
class Told:
    """One text of the page: each moment is an @ in it, and its parts are divided by " | "."""

    region: str
    text: str
    moments: tuple[Moment, ...]
    stale: bool
    """The page hatches it: it is of the moment that a note says."""


def read(page: Page) -> list[Told]:
    """Return what the page says now."""
    return [_told(**one) for one in page.evaluate(_READ, BOOKING if "/bookings/" in page.url else OVERVIEW)]


def _told(region: str, parts: list[Any], *, stale: bool) -> Told:
    text = "".join(part if isinstance(part, str) else "@" for part in parts)
    pieces = [" ".join(piece.split()) for piece in text.split(" | ")]
    moments = tuple(
        Moment(datetime.fromisoformat(part["at"]), part["as"]) for part in parts if not isinstance(part, str)
    )
    return Told(region, " | ".join(filter(None, pieces)), moments, stale)


def figures_of(told: Sequence[Told], now: datetime) -> datetime | None:
    """Return the moment of which the page says that its hatched figures are; None: it says none."""
    for one in told:
        if one.region in {"note", "trouble"} and (found := _OF.search(one.text)):
            at = now.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3]), microsecond=999_999)
            return at if at <= now else at - timedelta(days=1)
    return None
