"""The webhooks of a key's user, as Cal.com's API lists, makes and deletes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from tasks.calcom.booking import object_of, parse
from tasks.calcom.failures import UNREADABLE, failure_of, read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import WEBHOOKS_PATH, Params
from tasks.calcom.reply import Reply

MOST_LISTED = 250  # the most that one list has (read in Cal.com's source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as Cal.com shows it; `template`: Cal.com sends another body than its own."""

    id: str
    address: str = field(repr=False)  # its last part is a token
    triggers: frozenset[str]
    active: bool
    secret: str | None = field(repr=False)
    template: bool


def path_of(webhook: Webhook) -> str:
    """Return the path of one webhook."""
    return f"{WEBHOOKS_PATH}/{quote(webhook.id, safe='')}"


def page_after(count: int) -> Params:
    """Return the query of the list's page after `count` webhooks."""
    return {"take": MOST_LISTED, "skip": count}


def read_webhooks(answer: Answer | NoAnswer) -> list[Webhook] | Reply:
    """Return the webhooks of a list, or the reply that says why there is none."""
    content = read_content(answer)
    if isinstance(content, Reply):
        return content
    data = content.get("data")
    found = [_read(object_of(entry)) for entry in data] if isinstance(data, list) else [None]
    if None in found:
        return replace(UNREADABLE, http_status=200, message="it is no list of webhooks")
    return [webhook for webhook in found if webhook is not None]


def read_change(answer: Answer | NoAnswer) -> Reply | None:
    """Return why a webhook was perhaps not made, or not deleted; None: Cal.com has done it."""
    if isinstance(answer, NoAnswer) or answer.status not in (200, 201) or answer.truncated:
        return failure_of(answer)
    return None if "data" in object_of(parse(answer.body)) else failure_of(answer)


def _read(entry: Mapping[str, Any]) -> Webhook | None:
    match entry:
        case {"id": str(number), "subscriberUrl": str(address), "triggers": list(triggers), "active": bool(active)}:
            secret = entry.get("secret")
            return Webhook(
                id=number,
                address=address,
                triggers=frozenset(map(str, triggers)),
                active=active,
                secret=secret if isinstance(secret, str) else None,
                template=bool(entry.get("payloadTemplate")),
            )
    return None
