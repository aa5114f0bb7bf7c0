"""The texts of incidents of the front door: what is not delivered to callers, and what Cal.com does not send."""

from collections.abc import Mapping
from types import MappingProxyType

from db.monitoring.incidents import IncidentKind
from tasks.incidents.template import NORMAL, Template

_TEMPLATES = {
    IncidentKind.CALLBACKS_GIVEN_UP: Template(
        "Callbacks given up: {number}",
        "Callbacks were given up",
        NORMAL,
        "`booking callbacks` says what came of the last try; mend the receiver or the key's address, then `booking"
        " callbacks --again`, or `booking callbacks --drop` if no receiver will come back. Until then the caller does"
        " not know what became of these bookings",
    ),
    IncidentKind.CALLBACKS_NOT_SENT: Template(
        "No worker sends callbacks: {number} were given out again and again, the oldest is of {oldest}",
        "No worker sent callbacks",
        NORMAL,
        "start `celery -A worker worker -P threads -Q callbacks`, and see that it lives. Nothing is lost: what waits"
        " goes then, in the order of each booking",
    ),
    IncidentKind.CALLBACKS_OFF: Template(
        "The callback addresses of {number} are switched off: their receivers answered 410: {keys}",
        "Callback addresses of keys were switched off, for their receivers had answered 410",
        NORMAL,
        "was that wanted? Then `booking keys callback {key} --off`. Else mend the receiver, then `booking callbacks"
        " --again`, which switches the address on and sends what was given up; what happens meanwhile is not sent",
    ),
    IncidentKind.WEBHOOKS_SILENT: Template(
        "No webhook of Cal.com's for a day, though bookings were made: {accounts}",
        "No webhook of Cal.com's came for a day, though bookings were made",
        NORMAL,
        "`booking calcom-webhook check` (`--account {account}`) compares both sides; then `booking calcom-webhook add`,"
        " or `remove` if none is wanted. Until then what people do at Cal.com is found late",
    ),
}
OF_FRONT_DOOR: Mapping[IncidentKind, Template] = MappingProxyType(_TEMPLATES)
