"""One account's report in Flower: for operators, and for a login that sees this account alone."""

from datetime import timedelta
from functools import cache
from types import MappingProxyType

from tornado.web import HTTPError

from db import accounts
from db.snapshot import snapshot
from tasks.accounts.report.figures import AccountReport, read_report
from tasks.accounts.report.files import STYLE_HASH, as_csv, as_html
from tasks.dependencies import Dependencies
from tasks.overview.cards import read_shared
from worker.page.accounts.login import is_own_login
from worker.page.base import HEADERS, PrivateHandler, ResilienceHandler
from worker.page.query import refused
from worker.page.reading import SharedByKey, readers

FRESH = 10.0  # seconds: a month of an account is read once for all who look
PERIODS = MappingProxyType({"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)})
_USUAL = "7d"


class AccountPage(PrivateHandler):
    """One account's report as HTML, or as CSV; nothing of it acts, or leads to another account.

    An operator's login opens each. The API key of an account with the scope `report`, as the password of a basic login,
    opens that account's alone, and no other address of Flower's or ours: they know operators only.
    """

    def set_default_headers(self) -> None:
        """Set our headers; the one style that the document has is allowed by its hash."""
        super().set_default_headers()
        policy = HEADERS["Content-Security-Policy"].replace("style-src 'self'", f"style-src '{STYLE_HASH}'")
        self.set_header("Content-Security-Policy", policy)

    def prepare(self) -> None:
        """Refuse a foreign name in Host; who it is `get` asks, for that is in the database."""
        ResilienceHandler.prepare(self)

    async def get(self, name: str, form: str | None = None) -> None:
        """Answer with the report of a period."""
        if not self._is_operator() and not await is_own_login(self.request.headers.get("Authorization", ""), name):
            raise HTTPError(401, "log in")
        period = self.get_query_argument("since", _USUAL)
        if period not in PERIODS:
            raise refused(f"since: must be one of {', '.join(PERIODS)}")
        found = await _reports().latest((name, period))
        if found is None:
            raise HTTPError(404, f"no account has the name {name}")
        if form:
            self.set_header("Content-Type", "text/csv; charset=UTF-8")
            self.set_header("Content-Disposition", f'attachment; filename="{name}.csv"')
            self.finish(as_csv(found))
            return
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        links = [(one, f"{name}?since={one}") for one in PERIODS] + [("CSV", f"{name}.csv?since={period}")]
        self.finish(as_html(found, links))

    def _is_operator(self) -> bool:
        try:
            return bool(self.current_user)
        except HTTPError:  # basic authentication knows nobody of that name
            return False


@cache
def _reports() -> SharedByKey[tuple[str, str], AccountReport | None]:
    return SharedByKey(lambda asked: readers().run(lambda deps: _read(deps, *asked)), FRESH)


def _read(deps: Dependencies, name: str, period: str) -> AccountReport | None:
    stops_default = read_shared(deps).stops_default
    with snapshot(deps.engine) as conn:
        try:
            account = accounts.named(conn, name)
        except accounts.NoSuchAccountError:
            return None
        return read_report(
            conn,
            account,
            deps.breaker.service,
            period=PERIODS[period],
            lead=deps.timings.lead,
            stops_default=stops_default,
        )
