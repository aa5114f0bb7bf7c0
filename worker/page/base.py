"""What the page's handlers share: headers, login, templates, and the check who may act."""

import getpass
import ipaddress
import json
import os
import secrets
from base64 import b64decode
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flower
from flower.views import BaseHandler
from tornado.template import Loader, Template
from tornado.web import HTTPError, RequestHandler

from tasks.overview.sentences import iso
from worker.page.reading import readers

HERE = Path(__file__).parent
FLOWERS = Path(flower.__file__).parent / "templates"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for again each time, by its ETag
}
_NO_LOGIN = "this Flower has no login; set one (FLOWER_BASIC_AUTH), so that it is known who acts"
_NOT_BY_LINK = (
    "this Flower has no login; open the link with the token that `booking up` printed and keeps in {link}, "
    "or set PAGE_TOKEN or FLOWER_BASIC_AUTH"
)
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")


class Templates(Loader):
    """Our templates, and Flower's where we have none of that name: our pages extend its base.html."""

    def _create_template(self, name: str) -> Template:
        folder = Path(self.root) if (Path(self.root) / name).exists() else FLOWERS
        return Template((folder / name).read_bytes(), name=name, loader=self)


class ResilienceHandler(BaseHandler):  # type: ignore[misc]  # Flower ships no types
    """A request for the page; no other website may read the answer, or show it in a frame."""

    def set_default_headers(self) -> None:
        """Set our headers; Flower's own may allow every website to read."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse a foreign name in Host: a website that resolves its own name to this machine reads nothing."""
        if self.has_login or not _is_loopback(self.application.options.address):
            return
        if not _is_loopback(self.request.host_name):
            raise HTTPError(403, "this Flower has no login: open it as http://localhost, or set FLOWER_BASIC_AUTH")

    def get_current_user(self) -> Any:
        """Return the user who is logged in, None: nobody is. Raises HTTPError: 401, of basic authentication."""
        try:
            return super().get_current_user()
        except TypeError:  # Flower compares ASCII only
            raise HTTPError(401) from None

    def head(self, *arguments: str) -> Any:
        """Answer as to GET; Tornado sends no body."""
        return self.get(*arguments)

    def get_template_path(self) -> str:
        """Return where our templates are."""
        return str(HERE / "templates")

    def create_template_loader(self, template_path: str) -> Loader:
        """Return the loader of our and of Flower's templates."""
        return Templates(template_path)

    def get_template_namespace(self) -> dict[str, Any]:
        """Return the templates' names: `root` (the url_prefix), `resilience` (our address), `fleet`, `may_act`."""
        why_not = self.why_not()
        return {
            **super().get_template_namespace(),
            "root": self.root,
            "resilience": f"{self.root}/resilience",
            "fleet": readers().settings.fleet,
            "may_act": "yes" if why_not is None else f"no: {why_not}",
        }

    @property
    def root(self) -> str:
        """The url_prefix as a path: empty, or `/prefix`."""
        prefix = (self.application.options.url_prefix or "").strip("/")
        return f"/{prefix}" if prefix else ""

    @property
    def has_login(self) -> bool:
        """Whether Flower asks for a login."""
        options = self.application.options
        return bool(options.basic_auth or options.auth)

    def why_not(self) -> str | None:
        """Return why this viewer may not act; None: they may."""
        if self.application.options.read_only:
            return "this Flower is read-only"
        if self.has_login:
            return None
        if not self._is_at_home():
            return _NO_LOGIN
        if self._is_token(self.get_cookie(self._cookie)):
            return None
        return _NOT_BY_LINK.format(link=readers().settings.page_link)

    def who(self) -> str:
        """Return the viewer's login name; where only this machine's users can reach the page, this process's owner."""
        if self.application.options.auth:
            return str(self.current_user)
        if self.application.options.basic_auth:
            _, credentials = self.request.headers["Authorization"].split()  # as Flower reads it
            return b64decode(credentials).decode().partition(":")[0]
        return _process_owner()

    def keep_token(self, token: str) -> bool:
        """Let this browser act from now on, if `token` is PAGE_TOKEN; return whether it is."""
        if not self._is_token(token):
            return False
        self.set_cookie(self._cookie, token, path=f"{self.root}/resilience", httponly=True, samesite="Strict")
        return True

    @property
    def _cookie(self) -> str:
        """The cookie's name: browsers send one port's cookies to the others of a host, too."""
        return f"page_token_{self.application.options.port}"

    def _is_token(self, given: str | None) -> bool:
        """Return whether this is PAGE_TOKEN, by which is known who started this Flower.

        Without a login an address proves nothing: a proxy on this machine may pass requests on as if they were its own.
        """
        token = readers().settings.page_token
        if token is None or given is None:
            return False
        return secrets.compare_digest(given.encode(), token.get_secret_value().encode())

    def _is_at_home(self) -> bool:
        """Return whether bind address, peer and Host header are all loopback, and no proxy is between.

        A proxy passes requests from elsewhere on; nginx without the headers speaks HTTP/1.0, which no browser does. A
        foreign name in Host is a website's attack (DNS rebinding).
        """
        request = self.request
        addresses = (self.application.options.address, request.remote_ip, request.host_name)
        is_passed_on = request.version == "HTTP/1.0" or any(name in request.headers for name in _FORWARDED)
        return all(map(_is_loopback, addresses)) and not is_passed_on


class DataHandler(ResilienceHandler):
    """A request that is answered in JSON, also its errors."""

    def prepare(self) -> None:
        """Refuse a viewer who is not logged in."""
        try:
            known = self.current_user
        except HTTPError:  # basic authentication failed
            known = None
        if not known:
            raise HTTPError(401, "log in")
        super().prepare()

    def answer(self, payload: Any, status: int = 200) -> None:
        """Answer with JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(as_json(payload))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with `{"error": a sentence}`."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        said = error.get_message() if isinstance(error, HTTPError) else None
        if status_code == 401 and self.application.options.basic_auth:
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')
        self.answer({"error": said or self._reason}, status_code)


class PrivateHandler(DataHandler):
    """A request about one booking or one action: its answer must not be stored in a cache."""

    def set_default_headers(self) -> None:
        """Set our headers, and forbid caches to store the answer."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")


class ActionHandler(PrivateHandler):
    """A request to change something or see personal data: refused unless the viewer may act and our page sent it."""

    def check_xsrf_cookie(self) -> None:
        """Leave the check to `prepare`: Flower's own passes a request without a cookie."""

    def prepare(self) -> None:
        """Refuse a viewer who may not act, and a request that another website sent."""
        super().prepare()
        if self.request.method in {"GET", "HEAD"}:
            return
        if (reason := self.why_not()) is not None:
            raise HTTPError(403, reason)
        self._refuse_other_sites()
        RequestHandler.check_xsrf_cookie(self)

    def _refuse_other_sites(self) -> None:
        """Refuse what does not come from our own page; each browser sends one of the two headers."""
        site, origin = (self.request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
        foreign = origin is not None and urlsplit(origin).netloc != self.request.host
        if foreign or site not in {None, "same-origin"} or (site is None and origin is None):
            raise HTTPError(403, "this was not sent by this page")


def as_json(payload: Any) -> str:
    """Write JSON for a browser: moments in UTC, a dataclass by its fields."""
    return json.dumps(payload, default=_plain, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _is_loopback(host: str | None) -> bool:
    """Return whether a name or an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


def _process_owner() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"user {os.getuid()}"
