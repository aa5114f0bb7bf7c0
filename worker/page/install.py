"""Add the page to the Flower of this process: its routes before Flower's last, an entry in the navigation.

`celery` loads its plugins, and so `flower.urls`, before it loads the application: when `worker.app` is first asked for,
Flower has its list of routes and has not yet been built from it.
"""

import re
import sys
from typing import Any

from tornado.escape import xhtml_escape
from tornado.web import TemplateModule

from tasks.host.log import Logger

NUMBER = r"([0-9]+)"  # also one that no booking can have: our own page says so
ACCOUNT = r"([a-z0-9][a-z0-9-]{0,62})"
UUID = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# By name, so that a worker, which loads Flower's routes as well, loads nothing of the page. With a url_prefix, Flower
# drops a route's arguments for its handler: ours have none.
ROUTES = (
    (r"/resilience/?", "worker.page.pages.OverviewPage"),
    (r"/resilience/bookings", "worker.page.pages.BookingsPage"),
    (rf"/resilience/bookings/{NUMBER}", "worker.page.pages.BookingPage"),
    (r"/resilience/calls", "worker.page.pages.CallsPage"),
    (r"/resilience/workers", "worker.page.pages.WorkersPage"),
    (rf"/resilience/accounts/{ACCOUNT}(\.csv)?", "worker.page.accounts.report.AccountPage"),
    (r"/resilience/static/(.*)", "worker.page.pages.StaticFiles"),
    (r"/resilience/data/overview", "worker.page.data.OverviewData"),
    (r"/resilience/data/charts", "worker.page.data.ChartsData"),
    (r"/resilience/data/bookings", "worker.page.data.BookingsData"),
    (rf"/resilience/data/bookings/{NUMBER}", "worker.page.data.BookingData"),
    (r"/resilience/data/actions", "worker.page.action_list.ActionsData"),
    (r"/resilience/data/workers", "worker.page.workers.WorkersData"),
    (r"/resilience/data/search", "worker.page.data.SearchData"),
    (r"/resilience/bookings\.(csv|json)", "worker.page.export.Export"),
    (rf"/resilience/bookings/{NUMBER}/who", "worker.page.actions.Who"),
    (rf"/resilience/bookings/{NUMBER}/called", "worker.page.calls.CalledMark"),
    (r"/resilience/calls/who", "worker.page.calls.CallList"),
    (r"/resilience/actions", "worker.page.actions.Action"),
    (r"/resilience/actions/preview", "worker.page.actions.PreviewAction"),
    (rf"/resilience/actions/{UUID}", "worker.page.actions.ActionProgress"),
)
_FIRST = re.compile(r'<ul\b[^>]*\bclass="[^"]*\bnavbar-nav\b[^>]*>\s*(?=<li\b)')

log = Logger("page")


class Navigation(TemplateModule):
    """Flower's `{% module Template(...) %}`, by which each of its pages has its navigation; with our entry first."""

    def render(self, path: str, **kwargs: Any) -> bytes:
        """Return the template's text."""
        rendered = super().render(path, **kwargs)
        if path != "navbar.html":
            return rendered
        prefix = (self.handler.application.options.url_prefix or "").strip("/")  # type: ignore[attr-defined]  # Flower's
        root = f"/{prefix}" if prefix else ""
        return with_entry(rendered.decode(), root, active=kwargs.get("active_tab") == "resilience").encode()


def install() -> None:
    """Add the page to the Flower of this process, if it has one; once."""
    urls = sys.modules.get("flower.urls")
    if urls is None or ROUTES[0] in urls.handlers:
        return
    urls.handlers[-1:-1] = ROUTES  # in place, for Flower has this very list; its last route matches everything
    urls.settings["ui_modules"] = {"Template": Navigation}


def with_entry(navigation: str, root: str, *, active: bool) -> str:
    """Return Flower's navigation with our entry first; unchanged, with a warning, when its HTML has another form."""
    first = _FIRST.search(navigation)
    if first is None:
        log.warning("navigation_not_known", said="the page is at /resilience; Flower's navigation has no entry for it")
        return navigation
    current = ('nav-link active" aria-current="page"') if active else 'nav-link"'
    entry = f'<li class="nav-item"><a class="{current} href="{xhtml_escape(root)}/resilience">Resilience</a></li>\n'
    return navigation[: first.end()] + entry + navigation[first.end() :]
