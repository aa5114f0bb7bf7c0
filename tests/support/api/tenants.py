"""A tenant whose call has booked, and what others may try with its booking."""

from collections.abc import Mapping
from typing import Any

from db.models.api_keys import Platform
from tests.support.accounts.making import make_account
from tests.support.api.agents import AGENTS, briefly, give_secret, some_arguments
from tests.support.api.served import NOT_HELD, Api

ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "status": {}, "cancel": {}, "reschedule": {"new_start": "2030-03-06T10:00:00"},
    "book": {"name": "Pat Example"}, "slots": {"date": "2030-03-05"},
}  # fmt: skip
CALL = "call-80"
_CHANGES = "SELECT count(*) FROM booking_changes WHERE appointment_id = :id"
_ROW = "SELECT row(status, start_at, api_key_id, cancel_requested)::text FROM appointments WHERE id = :id"


class Tenant:
    """A tenant whose call has booked, in an account of its own."""

    def __init__(self, api: Api, envelope: str) -> None:
        self.api = api
        caller = api.key(account=make_account(api.engine)[0])
        self.caller = (
            give_secret(caller, Platform.RETELL, f"retell-of-{caller.name}") if "retell" in envelope else caller
        )
        self.asked = some_arguments()
        briefly(AGENTS[envelope], self.caller, "book", self.asked, CALL)
        self.booking = api.sql("SELECT id FROM appointments WHERE attendee_email = :email", email=self.asked["email"])
        there = f"status = 'confirmed', calcom_booking_uid = 'u' || id, {NOT_HELD}"
        api.sql(f"UPDATE appointments SET {there} WHERE id = :id", id=self.booking)  # noqa: S608 - ours

    def stands(self) -> tuple[Any, Any]:
        """Return how its booking stands, and how many changes it has."""
        return self.api.sql(_ROW, id=self.booking), self.api.sql(_CHANGES, id=self.booking)

    def named(self, action: str) -> dict[str, Any]:
        """Return the arguments that name its booking as well as can be."""
        return {"email": self.asked["email"], "start": self.asked["start"], **ACTIONS[action]}
