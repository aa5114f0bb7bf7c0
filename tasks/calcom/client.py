"""Call Cal.com: each call is bounded in time and size, and sent at most once; a network error raises nothing."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tasks.calcom.access import authorization, checked_url, fingerprint
from tasks.calcom.http.answer import MAX_BODY, Answer, MaySend, NoAnswer, Request
from tasks.calcom.http.headers import is_quota
from tasks.calcom.http.resolver import RESOLVER, Resolver
from tasks.calcom.reads import CalcomReads, ReadRequest
from tasks.calcom.reply import ErrorType

if TYPE_CHECKING:
    from tasks.calcom.http.exchange import Exchange


def _always() -> bool:
    return True


class CalcomClient(CalcomReads):
    """Send requests to Cal.com's API v2; no retries, no redirects.

    Times are in seconds. `connect_timeout` bounds name resolution plus connecting, `read_timeout` each wait for bytes,
    and `deadline` the whole call, however slowly bytes arrive. A client is safe to share between threads, and after a
    fork: each thread of each process has a connection of its own.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        api_version: str = "2024-08-13",
        connect_timeout: float = 5,
        read_timeout: float = 30,
        deadline: float = 40,
        *,
        resolver: Resolver = RESOLVER,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.base_url = checked_url(base_url)
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "booking-worker",
            **authorization(api_key),
        }
        self._api_version = api_version
        self._timeouts = (connect_timeout, read_timeout)
        self._deadline = deadline
        self._resolver = resolver
        self._tls = tls
        self.key_fingerprint = fingerprint(api_key)
        self.settings_fingerprint = fingerprint(base_url, api_version, api_key)

    def __repr__(self) -> str:
        return f"CalcomClient({self.base_url!r}, key {self.key_fingerprint})"

    def with_key(self, api_key: str) -> "CalcomClient":
        """Return a client with another key at the same Cal.com, over the same connections."""
        other = self._like(self.base_url, api_key)
        other.__dict__["_exchange"] = self._exchange
        return other

    def at(self, base_url: str) -> "CalcomClient":
        """Return a client without a key at another Cal.com."""
        return self._like(base_url, "")

    def _like(self, base_url: str, api_key: str) -> "CalcomClient":
        times = *self._timeouts, self._deadline
        return CalcomClient(base_url, api_key, self._api_version, *times, resolver=self._resolver, tls=self._tls)

    def post_booking(
        self, body: Mapping[str, Any], *, may_send: MaySend = _always, correlation_id: str | None = None
    ) -> Answer | NoAnswer:
        """POST /v2/bookings once.

        `may_send` is called after connecting, right before the first byte. If it returns False, the result is
        NoAnswer(sent=False, error_type="lease_lost"); its exceptions are raised here, with nothing sent.
        """
        return self._post("/v2/bookings", body, may_send, correlation_id)

    def cancel_booking(
        self, uid: str, body: Mapping[str, Any], *, may_send: MaySend = _always, correlation_id: str | None = None
    ) -> Answer | NoAnswer:
        """POST /v2/bookings/{uid}/cancel once; `may_send` is as in `post_booking`."""
        return self._post(f"/v2/bookings/{quote(uid, safe='')}/cancel", body, may_send, correlation_id)

    def reschedule_booking(
        self,
        uid: str,
        body: Mapping[str, Any],
        *,
        keyless: bool = False,
        may_send: MaySend = _always,
        correlation_id: str | None = None,
    ) -> Answer | NoAnswer:
        """POST /v2/bookings/{uid}/reschedule once, without our key if `keyless`; `may_send` is as in `post_booking`.

        Without a key Cal.com counts the calls of our address: its limits are not our key's, and are left out.
        """
        path = f"/v2/bookings/{quote(uid, safe='')}/reschedule"
        answer = self._post(path, body, may_send, correlation_id, keyless=keyless)
        if not keyless or isinstance(answer, NoAnswer):
            return answer
        return replace(answer, headers={name: text for name, text in answer.headers.items() if not is_quota(name)})

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Send a GET once, and return its answer."""
        version = {"cal-api-version": request.version or self._api_version}
        most = request.max_body or MAX_BODY
        return self._call("GET", request.path, version, params=request.params, deadline=request.deadline, max_body=most)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer | NoAnswer:
        """Send once what changes no booking, and return its answer."""
        headers = {"Content-Type": "application/json", "cal-api-version": self._api_version}
        return self._call(method, path, headers, body=None if body is None else json.dumps(body).encode())

    def close(self) -> None:
        """Close this thread's connection."""
        self._exchange.close()

    def _post(
        self,
        path: str,
        body: Mapping[str, Any],
        may_send: MaySend,
        correlation_id: str | None,
        *,
        keyless: bool = False,
    ) -> Answer | NoAnswer:
        headers = {"Content-Type": "application/json", "cal-api-version": self._api_version}
        if correlation_id and correlation_id.isascii() and correlation_id.isprintable():
            headers["X-Correlation-Id"] = correlation_id.strip()
        return self._call("POST", path, headers, body=json.dumps(body).encode(), may_send=may_send, keyless=keyless)

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        may_send: MaySend = _always,
        deadline: float | None = None,
        keyless: bool = False,
        **content: Any,
    ) -> Answer | NoAnswer:
        if "Authorization" not in self._headers:
            return NoAnswer(sent=False, error_type=ErrorType.CREDENTIALS, message="no API key is set", elapsed=0.0)
        longest = self._deadline if deadline is None else min(self._deadline, deadline)
        sent = {name: text for name, text in self._headers.items() if not (keyless and name == "Authorization")}
        request = Request(method, path, {**sent, **headers}, **content)
        return self._exchange.send(request, may_send=may_send, deadline=longest)

    @cached_property
    def _exchange(self) -> "Exchange":
        """Build the HTTP side at the first call: a process that only enqueues loads no HTTP library."""
        from tasks.calcom.http.exchange import Exchange  # noqa: PLC0415 - see the docstring

        return Exchange(
            self.base_url,
            connect_timeout=self._timeouts[0],
            read_timeout=self._timeouts[1],
            resolver=self._resolver,
            tls=self._tls,
        )
