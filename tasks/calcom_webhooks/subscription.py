"""An account's webhook at Cal.com: made there, held against our side, and deleted.

Our side is derived from CALCOM_WEBHOOK_SECRET and is stored nowhere, so no half of it can be left behind. What Cal.com
has is told by its list alone: an answer that was lost or late costs one more look, and never a second webhook, since
Cal.com takes an address once.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.calcom.access import checked_url
from tasks.calcom.reads import WEBHOOKS, WEBHOOKS_PATH
from tasks.calcom.reply import Reply, ReplyKind
from tasks.calcom.webhooks import MOST_LISTED, Webhook, page_after, path_of, read_change, read_webhooks
from tasks.calcom_webhooks.hints import TRIGGERS
from tasks.calcom_webhooks.secrets import account_of, secret_of, token_of

MOST_PAGES = 20  # of the list
ROUNDS = 3  # looks at the list, each after what the one before it led to
RECEIVER = "/v1/calcom/webhook/"  # the path of our receiver, before the token (worker/api/routes.py)


class Difference(StrEnum):
    """What differs between a webhook of ours at Cal.com and our side."""

    OFF = "off"
    OLD_ADDRESS = "old_address"  # by an older CALCOM_WEBHOOK_SECRET
    SIGNATURE = "signature"
    TRIGGERS = "triggers"
    TEMPLATE = "template"


class OwnWebhook(NamedTuple):
    """A webhook at Cal.com whose address is our receiver's, and what is wrong with it."""

    webhook: Webhook
    wrong: tuple[Difference, ...]

    @property
    def base(self) -> str:
        """Return its address without our path and the token."""
        return self.webhook.address.rpartition(RECEIVER)[0]


class OurSide(NamedTuple):
    """An account's number, and the secrets that its address and its secret are derived from."""

    account: int
    secrets: Sequence[SecretStr]

    def address(self, base: str) -> str:
        """Return the address that Cal.com sends to, at `https://HOST`."""
        return f"{base}{RECEIVER}{token_of(self.secrets[0], self.account)}"

    @property
    def secret(self) -> str:
        """Return what Cal.com signs with."""
        return secret_of(self.secrets[0], self.account)

    def own(self, webhooks: Collection[Webhook]) -> list[OwnWebhook]:
        """Return those whose address has this account's token, also one of an older secret, at whatever host."""
        return [OwnWebhook(one, tuple(self._differences(one))) for one in webhooks if self._is_own(one)]

    def _is_own(self, webhook: Webhook) -> bool:
        base, _, token = webhook.address.rpartition(RECEIVER)
        return bool(base) and account_of(token, self.secrets) == self.account

    def _differences(self, webhook: Webhook) -> list[Difference]:
        token = webhook.address.rpartition("/")[2]
        is_so = {
            Difference.OFF: not webhook.active,
            Difference.OLD_ADDRESS: token != token_of(self.secrets[0], self.account),
            Difference.SIGNATURE: webhook.secret != self.secret,
            Difference.TRIGGERS: webhook.triggers != frozenset(TRIGGERS),
            Difference.TEMPLATE: webhook.template,
        }
        return [difference for difference, applies in is_so.items() if applies]


class WebhookCalls(AuditCalls):
    """List, make and delete webhooks, behind bookings that wait for the rate limit."""

    @property
    def base_url(self) -> str:
        """Return the address of Cal.com that is called."""
        return self._client.base_url

    def listed(self) -> list[Webhook]:
        """Return the webhooks of the key's user.

        Raises:
            AuditHalted: Cal.com cannot be asked now, or does not list them.
        """
        found: list[Webhook] = []
        for _ in range(MOST_PAGES):
            page = read_webhooks(self.webhooks(page_after(len(found))))
            if isinstance(page, Reply):
                raise AuditHalted(f"Cal.com does not list its webhooks: {_words(page)}")
            found += page
            if len(page) < MOST_LISTED:
                return found
        raise AuditHalted(f"Cal.com's list of webhooks has no end after {len(found):,}")

    def make(self, address: str, secret: str) -> bool:
        """Make a webhook for what our receiver understands; return False if only the list can say whether it is there.

        Raises:
            AuditHalted: Cal.com cannot be asked now, or has refused.
        """
        body = {"subscriberUrl": address, "triggers": list(TRIGGERS), "active": True, "secret": secret}
        return self._change("POST", WEBHOOKS_PATH, body)

    def delete(self, webhook: Webhook) -> bool:
        """Delete a webhook; as `make`."""
        return self._change("DELETE", path_of(webhook))

    def _change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bool:
        permit = self._permit_or_raise(WEBHOOKS)
        reply = self.call(permit, lambda: self._client.send(method, path, body), read_change).reply
        if reply is None:
            return True
        is_gone = method == "DELETE" and reply.http_status == 404 and reply.kind is ReplyKind.REFUSED
        if reply.may_have_booked or reply.kind is ReplyKind.TAKEN or is_gone:  # done perhaps, or by another order
            return False
        raise AuditHalted(f"Cal.com has not taken it: {_words(reply)}")


def add(calls: WebhookCalls, ours: OurSide, base: str | None) -> str:
    """Have Cal.com send its webhooks to us once, at `base` (None: where it sends them already); return that base.

    A webhook of ours that differs is deleted first: Cal.com takes no second one at the same address.

    Raises:
        ValueError: No address is known.
        AuditHalted: Cal.com cannot be asked now, has refused, or it is not known whether it has done it. The same order
        again, or `check`, says it.
    """
    for _ in range(ROUNDS):
        known = ours.own(calls.listed())
        base = base or next((one.base for one in known), None)
        if base is None:
            raise ValueError("Cal.com has no webhook of ours yet: give the address of `booking serve`")
        right = [one for one in known if not one.wrong and one.webhook.address == ours.address(base)][:1]
        clear = [calls.delete(one.webhook) for one in known if one not in right]
        if not right:
            clear.append(calls.make(ours.address(base), ours.secret))
        if all(clear):
            return base
    raise AuditHalted(_NOT_KNOWN)


def remove(calls: WebhookCalls, ours: OurSide) -> int:
    """Delete this account's webhooks at Cal.com, those of an older secret too; return how many there were.

    Raises:
        AuditHalted: As `add`.
    """
    seen: set[str] = set()
    for _ in range(ROUNDS):
        known = ours.own(calls.listed())
        seen |= {one.webhook.id for one in known}
        if all([calls.delete(one.webhook) for one in known]):  # noqa: C419 - each is deleted
            return len(seen)
    raise AuditHalted(_NOT_KNOWN)


def base_of(address: str, *, calcom: str) -> str:
    """Return the address of `booking serve` as Cal.com reaches it, without a slash at its end.

    By http only where Cal.com itself is reached so: a webhook names a person.

    Raises:
        ValueError: It is none.
    """
    base = checked_url(address)
    if urlsplit(base).scheme != "https" and urlsplit(calcom).scheme == "https":
        raise ValueError("must begin with https://")
    return base


_NOT_KNOWN = "Cal.com has not said clearly whether it is done: give the same order again in a minute"


def _words(reply: Reply) -> str:
    return reply.message or reply.error_type.value
