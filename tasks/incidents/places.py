"""Where the Resilience page shows what an incident is about: the list of its bookings, or the one booking."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from db.lifecycle import HoldReason, Status
from db.monitoring.incidents import Incident, IncidentKind
from resilience.error_types import ErrorType

_HELD = {"state": Status.HELD.value}
_LISTS: Mapping[IncidentKind, Mapping[str, str]] = MappingProxyType(
    {
        IncidentKind.OUTAGE: _HELD,
        IncidentKind.HELD_TOO_LONG: _HELD,
        IncidentKind.CREDENTIALS: _HELD | {"reason": HoldReason.CREDENTIALS.value},
        IncidentKind.CONFIGURATION: _HELD | {"reason": HoldReason.CONFIGURATION.value},
        IncidentKind.NO_EVENT_TYPE: _HELD
        | {"reason": HoldReason.CONFIGURATION.value, "error_type": ErrorType.NO_EVENT_TYPE.value},
        IncidentKind.BLIND_KEY: _HELD | {"reason": HoldReason.BLIND_KEY.value},
        IncidentKind.SUSPECT: _HELD | {"reason": HoldReason.SUSPECT.value},
        IncidentKind.UNREACHABLE: _HELD | {"reason": HoldReason.UNREACHABLE.value},
        IncidentKind.THROTTLED: _HELD | {"reason": HoldReason.THROTTLED.value},
        IncidentKind.FAILED: {"state": Status.FAILED.value},
        IncidentKind.EXPIRED: {"state": Status.EXPIRED.value},
    }
)
_OF_AN_ACCOUNT = frozenset(
    {
        IncidentKind.ACCOUNT_REFUSED,
        IncidentKind.ACCOUNT_MISLED,
        IncidentKind.ACCOUNT_FAILING,
        IncidentKind.KEY_UNREADABLE,
        IncidentKind.THROTTLED,
    }
)
_OF_DEFAULT = (IncidentKind.CREDENTIALS, IncidentKind.CONFIGURATION)  # of several accounts
_GATHERED = (IncidentKind.FAILED, IncidentKind.EXPIRED)


def page_path(incident: Incident, detail: Mapping[str, Any] | None = None) -> str:
    """Return the path of an incident below the page's address; empty: it is about no booking, so the page itself.

    `detail` is what the present check found, if the row does not have it yet.
    """
    facts = incident.detail if detail is None else detail
    ids, kind = facts.get("ids") or [], incident.kind  # of a newer release perhaps, and not known here
    if kind in _GATHERED and facts.get("count") == 1:
        ids = [facts["first_id"]]
    if len(ids) == 1:
        return f"/bookings/{ids[0]}"
    listed = _LISTS.get(kind)  # type: ignore[call-overload]  # a StrEnum's text is as good
    one_account = kind in _OF_DEFAULT or (kind in _OF_AN_ACCOUNT and facts.get("count") == 1)
    if one_account and "account" in facts:
        listed = _HELD | {"account": str(facts["account"])}
    if ids:
        listed = {"ids": ",".join(map(str, ids))}
    elif kind == IncidentKind.OUTAGE and not facts.get("held"):
        listed = None  # calls fail, and nothing is held; or it is the database's
    if listed is None:
        return ""
    in_order = {"sort": "asked"} if listed.get("state") == Status.HELD else {}
    return f"/bookings?{urlencode({**listed, **in_order}, safe=',')}"
