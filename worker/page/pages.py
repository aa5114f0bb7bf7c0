"""The three HTML pages and their files; what they show is asked for by the browser, from worker/page/data.py."""

from typing import Any

from tornado.web import StaticFileHandler, authenticated

from worker.page.base import HEADERS, HERE, ResilienceHandler
from worker.version import version


class OverviewPage(ResilienceHandler):
    """How everything stands."""

    @authenticated
    def get(self) -> None:
        """Show the page."""
        self.render("overview.html", version=version())


class BookingsPage(ResilienceHandler):
    """A list of bookings; its address says which."""

    @authenticated
    def get(self) -> None:
        """Show the page."""
        self.render("bookings.html")


class BookingPage(ResilienceHandler):
    """One booking."""

    @authenticated
    def get(self, appointment_id: str) -> None:
        """Show the page."""
        self.render("booking.html", appointment_id=int(appointment_id))


class StaticFiles(StaticFileHandler):
    """Our scripts and styles, which tell nothing: open, as Flower's own are."""

    def initialize(self) -> None:  # type: ignore[override]  # see below
        """Name the folder: a route with a url_prefix hands over nothing."""
        super().initialize(str(HERE / "static"))

    def set_default_headers(self) -> None:
        """Set our headers; a script is asked for again each time, so that no two versions of them meet."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def get_cache_time(self, *_: Any) -> int:
        """Return 0: kept by its ETag alone."""
        return 0
