"""Try to connect to the hosts of callbacks, for `booking check`: nothing is sent, and no address is shown whole."""

import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple
from urllib.parse import urlsplit

from db.api_keys import keys
from tasks.calcom.http.resolver import Address
from tasks.callbacks.addresses import CallbackUrlError, CheckedResolver, ForbiddenAddressError, checked_url
from tasks.callbacks.sending import CONNECT_WITHIN
from tasks.dependencies import Dependencies
from tasks.ports.callbacks import CallbackSettings
from tasks.words import plural

ALL_WITHIN = 10.0  # seconds
AT_ONCE = 8


class _CallbackHost(NamedTuple):
    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "_CallbackHost":
        """Return where an address leads."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443))

    def trouble(self, settings: CallbackSettings) -> str | None:
        """Return why no connection can be opened as for a callback; None: one was opened, and closed again."""
        ends_at = time.monotonic() + CONNECT_WITHIN
        try:
            checked_url(f"{self.scheme}://{self._netloc}", settings)
            resolver = CheckedResolver(settings, is_plain=self.scheme == "http")
            _connect(resolver.resolve(self.host, self.port, CONNECT_WITHIN), ends_at)
        except CallbackUrlError as error:
            return f"its address {error}"
        except ForbiddenAddressError as error:
            return str(error)
        except socket.gaierror:
            return "its name is not found"
        except TimeoutError:
            return f"no answer within {CONNECT_WITHIN:g} s"
        except OSError as error:
            return (error.strerror or "no connection").lower()
        return None

    @property
    def _netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_callbacks(deps: Dependencies) -> Iterator[tuple[bool, str]]:
    """Yield whether each result is good, and its sentence: of keys in force, hosts that cannot be reached, or all."""
    with deps.engine.connect() as conn:
        listed = [key for key in keys.every(conn) if key.revoked_at is None and key.callback_off_at is None]
    names = defaultdict[_CallbackHost, list[str]](list)
    for key in listed:
        if key.callback_url is not None:
            names[_CallbackHost.of(key.callback_url)].append(key.name)
    troubles = _troubles(list(names), deps.callbacks)
    for place, trouble in troubles.items():
        if trouble is not None:
            whose = f"the {'key' if len(names[place]) == 1 else 'keys'} {', '.join(names[place])}"
            yield False, f"{place.host} cannot be reached ({trouble}); callbacks of {whose} wait, and are tried again"
    if troubles and not any(troubles.values()):
        yield True, f"{plural(len(troubles), 'host')} can be reached"


def _troubles(places: Sequence[_CallbackHost], settings: CallbackSettings) -> Mapping[_CallbackHost, str | None]:
    """Try all, AT_ONCE at a time, and return the trouble of each."""
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="callback-host")
    tried = {place: threads.submit(place.trouble, settings) for place in places}
    wait(tried.values(), ALL_WITHIN)
    threads.shutdown(wait=False, cancel_futures=True)
    return {place: _trouble(future) for place, future in tried.items()}


def _trouble(future: "Future[str | None]") -> str | None:
    if future.cancelled() or not future.done():
        return f"not known within {ALL_WITHIN:g} s"
    return future.result()


def _connect(addresses: Sequence[Address], ends_at: float) -> None:
    """Connect to the first address that answers, and hang up.

    Raises:
        OSError: None does in time.
    """
    failed: OSError = TimeoutError()
    for family, kind, protocol, _, place in addresses:
        left = ends_at - time.monotonic()
        if left <= 0:
            break
        with socket.socket(family, kind, protocol) as tried:
            tried.settimeout(left)
            try:
                tried.connect(place)
            except OSError as error:
                failed = error
            else:
                return
    raise failed
