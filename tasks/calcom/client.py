"""Call Cal.com: every call bounded in time and size, sent at most once, and never an exception for the network."""

import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests

from tasks.calcom.access import authorization, checked_url, fingerprint
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.http.call import CALL, WATCHDOG, Call, NotSentError
from tasks.calcom.http.no_answer import NETWORK_ERRORS, no_answer
from tasks.calcom.http.resolver import RESOLVER, Resolver
from tasks.calcom.http.transport import make_context, make_session
from tasks.calcom.reply import ErrorType

SLOTS_VERSION = "2024-09-04"  # of GET /v2/slots alone
EVENT_TYPES_VERSION = "2024-06-14"  # of GET /v2/event-types; with that of bookings it is a path that does not exist
MAX_BODY = 1024 * 1024  # bytes, decoded
_CHUNK = 64 * 1024


class CalcomClient:
    """Talk to Cal.com's API v2.

    Times are in seconds. `connect_timeout` bounds look-up and connecting, `read_timeout` each wait for bytes, and
    `deadline` the whole call, however the other side drips. Safe to share between threads, and after a fork: each
    thread of each process has a session of its own. Retries nothing, follows nothing.
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
        self._base_url = checked_url(base_url)
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
        self._tls = tls or (make_context() if self._base_url.startswith("https:") else None)
        self._threads = threading.local()
        self.key_fingerprint = fingerprint(api_key)
        self.settings_fingerprint = fingerprint(base_url, api_version, api_key)

    def __repr__(self) -> str:
        return f"CalcomClient({self._base_url!r}, key {self.key_fingerprint})"

    def post_booking(
        self,
        body: Mapping[str, Any],
        *,
        may_send: Callable[[], bool] = lambda: True,
        correlation_id: str | None = None,
    ) -> Answer | NoAnswer:
        """POST /v2/bookings once.

        `may_send` is asked when the connection stands, right before the first byte: False gives
        NoAnswer(sent=False, error_type="lease_lost"), and what it raises is raised here, with nothing sent.
        """
        return self._post("/v2/bookings", body, may_send, correlation_id)

    def cancel_booking(
        self,
        uid: str,
        body: Mapping[str, Any],
        *,
        may_send: Callable[[], bool] = lambda: True,
        correlation_id: str | None = None,
    ) -> Answer | NoAnswer:
        """POST /v2/bookings/{uid}/cancel once; `may_send` as in `post_booking`."""
        return self._post(f"/v2/bookings/{quote(uid, safe='')}/cancel", body, may_send, correlation_id)

    def list_bookings(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/bookings."""
        return self._get("/v2/bookings", self._api_version, params)

    def booking(self, uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/{uid}; all weeks where it is the uid of a series.

        `deadline` makes the whole call shorter, in seconds, for a caller who is on the phone.
        """
        return self._get(f"/v2/bookings/{quote(uid, safe='')}", self._api_version, deadline=deadline)

    def booking_of_seat(self, seat_uid: str, *, deadline: float | None = None) -> Answer | NoAnswer:
        """GET /v2/bookings/by-seat/{seatUid}; `deadline` as in `booking`."""
        return self._get(f"/v2/bookings/by-seat/{quote(seat_uid, safe='')}", self._api_version, deadline=deadline)

    def slots(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/slots, which has an API version of its own."""
        return self._get("/v2/slots", SLOTS_VERSION, params)

    def event_type(self, calcom_id: int) -> Answer | NoAnswer:
        """GET /v2/event-types/{id}, which has an API version of its own."""
        return self._get(f"/v2/event-types/{calcom_id:d}", EVENT_TYPES_VERSION)

    def event_types(self, params: Mapping[str, str | int]) -> Answer | NoAnswer:
        """GET /v2/event-types, of a user by `username` and `eventSlug`."""
        return self._get("/v2/event-types", EVENT_TYPES_VERSION, params)

    def me(self) -> Answer | NoAnswer:
        """GET /v2/me: whose key it is."""
        return self._get("/v2/me", self._api_version)

    def close(self) -> None:
        """Close this thread's connection."""
        self._session().close()

    def _get(
        self, path: str, version: str, params: Mapping[str, str | int] | None = None, *, deadline: float | None = None
    ) -> Answer | NoAnswer:
        return self._call("GET", path, {"cal-api-version": version}, params=params, deadline=deadline)

    def _post(
        self, path: str, body: Mapping[str, Any], may_send: Callable[[], bool], correlation_id: str | None
    ) -> Answer | NoAnswer:
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "cal-api-version": self._api_version}
        if correlation_id and correlation_id.isascii() and correlation_id.isprintable():
            headers["X-Correlation-Id"] = correlation_id.strip()
        return self._call("POST", path, headers, data=content, may_send=may_send)

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        may_send: Callable[[], bool] = lambda: True,
        deadline: float | None = None,
        **content: Any,
    ) -> Answer | NoAnswer:
        if "Authorization" not in self._headers:
            return NoAnswer(sent=False, error_type=ErrorType.CREDENTIALS, message="no API key is set", elapsed=0.0)
        began_at = time.monotonic()
        call = Call(
            ends_at=began_at + min(self._deadline, self._deadline if deadline is None else deadline),
            connect_timeout=self._timeouts[0],
            resolver=self._resolver,
            may_send=may_send,
        )
        current = CALL.set(call)
        try:
            with WATCHDOG.watch(call.ends_at, call.cut):
                response = self._session().request(
                    method,
                    self._base_url + path,
                    headers=headers,
                    timeout=self._timeouts,
                    allow_redirects=False,
                    stream=True,
                    **content,
                )
                body, whole = _read(response)
        except NotSentError as given_up:
            if given_up.__cause__ is not None:
                raise given_up.__cause__ from None
            kind = ErrorType.TIMEOUT if call.expired else ErrorType.LEASE_LOST
            return NoAnswer(sent=False, error_type=kind, message="not sent", elapsed=time.monotonic() - began_at)
        except Exception as error:
            if not (call.sent or isinstance(error, NETWORK_ERRORS)):
                raise
            return no_answer(call, error, time.monotonic() - began_at)
        finally:
            CALL.reset(current)
            call.finish()
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            elapsed=time.monotonic() - began_at,
            truncated=call.expired or not whole,
        )

    def _session(self) -> requests.Session:
        if getattr(self._threads, "pid", None) != os.getpid():  # first use, or a child: a socket has one owner
            self._threads.session = make_session(self._headers, self._tls)
            self._threads.pid = os.getpid()
        session: requests.Session = self._threads.session
        return session


def _read(response: requests.Response) -> tuple[bytes, bool]:
    """Return the decoded body, at most MAX_BODY bytes of it, and whether that is all."""
    body = bytearray()
    try:
        while piece := response.raw.read(_CHUNK, decode_content=True):
            body += piece
            if len(body) > MAX_BODY:
                break
        else:
            return bytes(body), True
    except NETWORK_ERRORS:  # cut in the middle, or garbled gzip
        pass
    response.close()  # not to be used again: bytes of this answer may still be under way
    return bytes(body[:MAX_BODY]), False
