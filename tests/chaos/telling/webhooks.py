"""Cal.com's webhooks in the fire suite: true ones of what hosts do, and whatever else may come to that address.

Forged, cut, sent again, doubled, out of order, of strangers' bookings, and signed lies: none of them is believed.
"""

import hashlib
import hmac
import json
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import psycopg
import requests

from tests.chaos.background import background
from tests.chaos.changes.wishes import is_drawn
from tests.chaos.environment import ChaosEnvironment

EVERY = 0.7  # seconds
PATIENCE = 2.0  # seconds for an answer
HOSTS = 0.15  # share in which a host really cancels
STRANGER = "a-booking-of-a-stranger"
SHOWN = 3.0  # seconds after which a replica shows what a host has done
_STANDING = """
    SELECT id, uuid::text, calcom_booking_uid FROM appointments
    WHERE status = 'confirmed' AND calcom_seat_uid IS NULL AND updated_at < now() - interval '3 seconds'
    AND NOT EXISTS (SELECT FROM booking_changes AS change WHERE appointment_id = appointments.id
        AND status NOT IN ('done', 'refused', 'failed', 'expired', 'withdrawn'))
    ORDER BY id DESC LIMIT 200
"""


@dataclass(frozen=True)
class Standing:
    """One of our bookings, which stands."""

    id: int
    reference: str
    uid: str


@dataclass
class Webhooks:
    """All that is sent, by a thread of its own. `cancelled`: uids that a host cancelled, of which a report was taken.

    `believed`: what was not signed, and was taken all the same.
    """

    environment: ChaosEnvironment
    seed: int
    cancelled: set[str] = field(default_factory=set)
    believed: list[str] = field(default_factory=list)
    sent: int = 0

    def __post_init__(self) -> None:
        self._rng = random.Random(f"{self.seed} webhooks")  # noqa: S311 - chance for faults
        self._over = threading.Event()
        self._old: list[bytes] = []

    def living(self) -> AbstractContextManager[None]:
        """Send for as long as the block lasts."""
        return background("webhooks", self._live, self._over)

    def _live(self) -> None:
        while not self._over.wait(EVERY):
            with suppress(psycopg.OperationalError, requests.RequestException):  # they are hurt
                found = [Standing(*row) for row in self.environment.sql(_STANDING)]
                if not found:
                    continue
                one = self._rng.choice(found)
                if self._rng.random() < HOSTS and not is_drawn(self.seed, one.id):
                    self._host_cancels(one)
                else:
                    self._rng.choice(_KINDS)(self, one)

    def _host_cancels(self, one: Standing) -> None:
        """Have a host cancel, and report it: doubled, and after it what was true before."""
        if one.uid in self.environment.deeds:
            return
        self.environment.deeds.add(one.uid)
        order = {"do": "cancel", "uid": one.uid, "reason": "busy"}
        self.environment.calcom.order("POST", "/_persons", order)
        self._over.wait(SHOWN)
        told = _body("BOOKING_CANCELLED", one.uid)
        if self._send(told) or self._send(told):
            self.cancelled.add(one.uid)
        self._send(_body("BOOKING_CREATED", one.uid, reference=one.reference))

    def lie(self, one: Standing) -> None:
        """Report a cancel that never was, with the right signature."""
        self._send(_body("BOOKING_CANCELLED", one.uid))

    def forge(self, one: Standing) -> None:
        """Report it with a wrong signature, or none."""
        body = _body(self._rng.choice(["BOOKING_CANCELLED", "BOOKING_REJECTED"]), one.uid)
        signature = self._rng.choice([None, "", "0" * 64, _signed("another secret", body)])
        self._send_unsigned("forged", body, signature)

    def cut(self, one: Standing) -> None:
        """Cut its body off, under the signature of the whole."""
        whole = _body("BOOKING_CANCELLED", one.uid)
        self._send_unsigned("cut", whole[: len(whole) // 2], self._sign(whole))

    def alter(self, one: Standing) -> None:
        """Put another booking's uid into what was signed."""
        whole = _body("BOOKING_CANCELLED", STRANGER)
        self._send_unsigned("altered", whole.replace(STRANGER.encode(), one.uid.encode()), self._sign(whole))

    def tell_of_strangers(self, one: Standing) -> None:
        """Report a stranger's booking, also with our reference in it."""
        for trigger in ("BOOKING_CANCELLED", "BOOKING_RESCHEDULED"):
            self._send(_body(trigger, STRANGER, reference=one.reference, rescheduleUid="another-of-a-stranger"))

    def tell_out_of_order(self, one: Standing) -> None:
        """Report a move away from it that never was, and then its creation."""
        self._send(_body("BOOKING_RESCHEDULED", f"{one.uid}-moved", rescheduleUid=one.uid))
        self._send(_body("BOOKING_CREATED", one.uid, reference=one.reference))

    def replay(self, _one: Standing) -> None:
        """Send what was sent before once more."""
        if self._old:
            self._send(self._rng.choice(self._old))

    def _send(self, body: bytes) -> bool:
        """Send a signed body; return whether it was taken."""
        self._old = [*self._old[-50:], body]
        return self._post(body, self._sign(body)) < HTTPStatus.MULTIPLE_CHOICES

    def _send_unsigned(self, what: str, body: bytes, signature: str | None) -> None:
        if (status := self._post(body, signature)) < HTTPStatus.BAD_REQUEST:
            self.believed.append(f"webhooks: one that was {what} was answered {status}")

    def _post(self, body: bytes, signature: str | None) -> int:
        assert self.environment.telling is not None
        headers = {"Content-Type": "application/json", **({"X-Cal-Signature-256": signature} if signature else {})}
        self.sent += 1
        url = self.environment.telling.webhook
        return requests.post(url, data=body, headers=headers, timeout=PATIENCE).status_code

    def _sign(self, body: bytes) -> str:
        assert self.environment.telling is not None
        return _signed(self.environment.telling.signs, body)


_KINDS: tuple[Callable[[Webhooks, Standing], None], ...] = (
    Webhooks.lie,
    Webhooks.forge,
    Webhooks.cut,
    Webhooks.alter,
    Webhooks.tell_of_strangers,
    Webhooks.tell_out_of_order,
    Webhooks.replay,
)


def _signed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _body(trigger: str, uid: str, *, reference: str | None = None, **more: str) -> bytes:
    payload: Mapping[str, Any] = {
        "uid": uid,
        "attendees": [{"email": "pat@example.com", "name": "Pat Example"}],
        **({} if reference is None else {"metadata": {"bookingWorkerRef": reference}}),
        **more,
    }
    told_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"triggerEvent": trigger, "createdAt": told_at, "payload": payload}).encode()
