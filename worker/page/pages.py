"""The HTML pages and their files; the browser asks worker/page/data.py for the figures."""

from typing import Any

from tornado.web import HTTPError, StaticFileHandler, authenticated

from worker.page.base import HEADERS, HERE, ResilienceHandler
from worker.page.query import booking_id
from worker.version import version


class OverviewPage(ResilienceHandler):
    """The overview."""

    @authenticated
    def get(self) -> None:
        """Show the page; its address loses the token of the link that `booking up` prints."""
        if self.keep_token(self.get_query_argument("token", "")):
            self.redirect(f"{self.root}/resilience")
            return
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
        """Show the page; 404 with it, where no booking can have this id."""
        try:
            booking_id(appointment_id)
        except HTTPError:
            self.set_status(404)
        self.render("booking.html", appointment_id=appointment_id.lstrip("0") or "0")


class CallsPage(ResilienceHandler):
    """The call list of the bookings that its address names."""

    @authenticated
    def get(self) -> None:
        """Show the page."""
        self.render("calls.html")


class WorkersPage(ResilienceHandler):
    """The workers and the queues."""

    @authenticated
    def get(self) -> None:
        """Show the page."""
        self.render("workers.html")


class StaticFiles(StaticFileHandler):
    """Our scripts and styles: readable without a login, as Flower's own are."""

    def initialize(self) -> None:  # type: ignore[override]  # see below
        """Set the folder, which the route cannot pass (worker/page/install.py)."""
        super().initialize(str(HERE / "static"))

    def set_default_headers(self) -> None:
        """Set our headers; a browser asks for each script again, so that it never mixes two versions."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def get_cache_time(self, *_: Any) -> int:
        """Return 0: only the ETag decides whether a stored file is used."""
        return 0
