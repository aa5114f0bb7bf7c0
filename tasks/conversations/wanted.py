"""What a booking of an event type must have, so that a person is asked for it before anything is stored.

A process asks Cal.com at most once in FRESH seconds, or in IN_VAIN after it asked in vain, by the share of the limit
that readings have. What was shown before counts until there is an answer; where there never was one, nothing is asked
for, and Cal.com decides.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from booking_client import correlation
from db.api_keys.keys import ApiKey
from tasks import dependencies
from tasks.accounts.recent import Recent
from tasks.calcom.wanted_fields import NOTES, OwnQuestion, WantedFields, read_wanted
from tasks.dependencies import Dependencies
from tasks.guarded_calls.trials import ReaderCalls
from tasks.host.log import Logger

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["NOTES", "SECONDS", "LearntFields", "OwnQuestion", "WantedFields", "WantedReading"]

FRESH = 300.0  # seconds
SECONDS = 1.0  # that a person waits for Cal.com, where nothing is known
IN_VAIN = 60.0  # seconds: a key that may not see the type costs few calls, and an outage few people's time

log = Logger(__name__)


class _FieldsAt(NamedTuple):
    fields: WantedFields
    at: float


class LearntFields:
    """Remember what event types want, by name; `clock` is in seconds. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: Recent[str, _FieldsAt] = Recent(4_000)
        self._in_vain: Recent[str, float] = Recent(4_000)

    def fields(self, name: str) -> WantedFields | None:
        """Return what Cal.com has shown, at any time; None: nothing."""
        shown = self._shown.get(name)
        return None if shown is None else shown.fields

    def is_due(self, name: str) -> bool:
        """Return whether Cal.com is to be asked: what is known is old, and nobody has just asked in vain."""
        now, shown, in_vain = self._clock(), self._shown.get(name), self._in_vain.get(name)
        return (shown is None or now - shown.at >= FRESH) and (in_vain is None or now - in_vain >= IN_VAIN)

    def learn(self, name: str, answer: "Future[str | None]") -> None:
        """Remember what an answer shows, if it shows anything, also where nobody waits for it any more."""
        if answer.cancelled() or answer.exception() is not None or (shown := answer.result()) is None:
            self.was_in_vain(name)
            return
        email, phone, own = json.loads(shown)
        questions = tuple(OwnQuestion(slug, label, tuple(of), required) for slug, label, of, required in own)
        self._shown[name] = _FieldsAt(WantedFields(email, phone, questions), self._clock())

    def was_in_vain(self, name: str) -> None:
        """Remember that there was no answer, or none in time."""
        self._in_vain[name] = self._clock()


_learnt = LearntFields()


class WantedReading:
    """Ask what bookings of an event type must have, in the account of a key."""

    def __init__(self, key: ApiKey, event_type: int) -> None:
        self._deps = dependencies.current()
        self._key, self._event_type = key, event_type
        self._name = f"{self._deps.calcom.settings_fingerprint}:{key.account_id}:{event_type}"

    @property
    def known(self) -> WantedFields | None:
        """Return what Cal.com has shown before, of any age; None: nothing."""
        return _learnt.fields(self._name)

    @property
    def is_due(self) -> bool:
        """Return whether Cal.com is to be asked."""
        return _learnt.is_due(self._name)

    def asked(self) -> "Future[str | None]":
        """Return the answer to come, which is `known` then; nobody may cancel it, for others wait for it as well."""
        read = partial(_read, self._deps, self._event_type, self._key.account_id)
        answer = self._deps.slots.ask(f"wanted:{self._name}", read, of=self._key.account)
        answer.add_done_callback(partial(_learnt.learn, self._name))
        return answer

    def waited(self) -> None:
        """Note that a person has waited for `asked`: if nothing is known by then, the next one does not wait."""
        if self.known is None:
            _learnt.was_in_vain(self._name)


def _read(deps: Dependencies, event_type: int, account: int) -> str | None:
    try:
        fields = read_wanted(ReaderCalls(deps.for_account(account), correlation.new()).event_type(event_type))
    except Exception as error:  # noqa: BLE001 - whatever it is, no request is refused because its type was not read
        log.info("event_type_not_read", why=type(error).__name__)
        return None
    return None if fields is None else json.dumps(fields)
