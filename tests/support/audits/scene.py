"""A Cal.com and a record that do not agree, made by hand: bookings as our worker posts them, rows in any state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import requests

from db.appointments import Appointment, events
from db.lifecycle import Status
from tasks import dependencies
from tasks.audit.calls import AuditCalls
from tasks.audit.finding import AuditFinding, AuditFindingKind, NoFinding
from tasks.audit.fixes import Fixed
from tasks.audit.survey import Survey, mend, survey
from tasks.calcom.request_body import booking_body

# Event types of the simulator; OPEN books every POST.
OPEN, SEATS, PLAIN, CONFIRM, ROUND_ROBIN = 110, 103, 101, 102, 104
KEY = "cal_test_owner"
HEADERS = {"Authorization": f"Bearer {KEY}", "cal-api-version": "2024-08-13"}
AGES = timedelta(minutes=-5)


class Scene:
    """Make rows and bookings, and run audits over the month that they are in."""

    def __init__(self, record: Any, simulator: Any) -> None:
        self.record, self.simulator = record, simulator
        self.first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=5)
        self.last = self.first + timedelta(days=30)
        self.starts = (self.first + timedelta(days=3, minutes=30 * number) for number in count())

    def row(self, status: Status = Status.PENDING, **changes: Any) -> Appointment:
        """Keep a request and move it; `changes` are its request's."""
        row = self.record.keep(**{"event_type_id": OPEN, "start_at": next(self.starts), **changes})
        if status is not Status.PENDING:
            assert self.record.move(row if status is Status.CANCELLED else self.record.claim(row.id), status)
        kept: Appointment = self.record.read(row.id)
        return kept

    def post(self, row: Appointment, **changes: Any) -> dict[str, Any]:
        """Book at Cal.com with the row's own reference; `changes` replace fields of the row for this POST."""
        made: dict[str, Any] = self.call("POST", "/v2/bookings", booking_body(replace(row, **changes)))
        return made

    def answered(self, row: Appointment) -> int:
        """Book at Cal.com, whatever comes of it; return the status of the answer, 0 for none."""
        try:
            answer = requests.post(
                self.simulator.url + "/v2/bookings", json=booking_body(row), headers=HEADERS, timeout=10
            )
        except requests.ConnectionError:
            return 0
        return answer.status_code

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call Cal.com as somebody else would."""
        answer = requests.request(method, self.simulator.url + path, json=body, headers=HEADERS, timeout=10)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def cancel(self, uid: str) -> None:
        """Cancel a booking at Cal.com, as its host would."""
        self.call("POST", f"/v2/bookings/{uid}/cancel", {"cancellationReason": "ill"})

    def deed(self, do: str, uid: str | None, **details: Any) -> None:
        """Let a person at Cal.com do something to a booking."""
        answer = requests.post(f"{self.simulator.control}/_persons", json={"do": do, "uid": uid, **details}, timeout=10)
        assert answer.ok, answer.text

    def confirmed(self, event_type_id: int = OPEN, **changes: Any) -> Appointment:
        """Book a request and confirm its row, a while ago."""
        row = self.record.claimed(**{"event_type_id": event_type_id, "start_at": next(self.starts), **changes})
        self.post(row)
        return self.found_booked(row)

    def found_booked(self, row: Appointment) -> Appointment:
        """Confirm a claimed row, a while ago, by what Cal.com has of it: of a series by its first week."""
        made = min(self.simulator.bookings(str(row.uuid)), key=lambda one: one["start"])
        mine = [one for one in made["attendees"] if one.get("metadata", {}).get("bookingWorkerRef") == str(row.uuid)]
        uids = {
            "calcom_booking_uid": made["uid"],
            "calcom_seat_uid": mine[0]["seatUid"] if mine else None,
            "series_uid": made.get("recurringBookingUid"),
        }
        assert self.record.move(row, Status.CONFIRMED, **uids)
        return self.aged(row)

    def once_unknown(self, status: Status, row: Appointment | None = None, **changes: Any) -> Appointment:
        """End a row whose outcome was unknown for a while."""
        row = row or self.record.claimed(**{"event_type_id": OPEN, "start_at": next(self.starts), **changes})
        self.record.write(row.id, cancel_requested=status is Status.CANCELLED)
        assert self.record.move(row, status)
        self.record.write(row.id, sent_at=AGES)
        return self.aged(row)

    def lost(self, **changes: Any) -> Appointment:
        """Confirm a row, a while ago, whose booking Cal.com does not have."""
        row = self.record.claimed(**{"event_type_id": OPEN, "start_at": next(self.starts), **changes})
        assert self.record.move(row, Status.CONFIRMED, calcom_booking_uid=f"lost-{row.id}")
        return self.aged(row)

    def aged(self, row: Appointment) -> Appointment:
        """Let time pass since a row was last touched."""
        self.record.write(row.id, updated_at=AGES)
        aged: Appointment = self.record.read(row.id)
        return aged

    def calls(self, pause: Any = lambda _: None) -> AuditCalls:
        """Give the calls of an audit."""
        return AuditCalls(dependencies.current(), pause=pause)

    def audit(self) -> Survey:
        """Audit without changing anything."""
        return survey(self.calls(), self.first, self.last)

    def fixed(self) -> list[tuple[AuditFinding, Fixed]]:
        """Audit and mend."""
        calls = self.calls()
        return list(mend(calls, survey(calls, self.first, self.last)))

    def found(self) -> list[tuple[AuditFindingKind, int | None]]:
        """Audit, and return which rows have which findings."""
        return [(one.kind, one.row.id if one.row else None) for one in self.audit().findings]

    def silent(self, why: NoFinding) -> list[int]:
        """Audit, and return the rows that were not judged, for one reason."""
        return self.audit().silent[why]

    def story(self, row: Appointment) -> list[str]:
        """Return the kinds of a row's events."""
        with self.record.engine.connect() as conn:
            return [event.kind for event in events.timeline(conn, row.id)]

    def alive(self, row: Appointment) -> set[str]:
        """Return the uids of what lives at Cal.com with the row's reference, seats by their own."""
        found = set()
        for booking in self.simulator.bookings(str(row.uuid)):
            if booking["status"] in ("accepted", "pending"):
                seats = [one for one in booking["attendees"] if "seatUid" in one]
                mine = [one["seatUid"] for one in seats if one["metadata"].get("bookingWorkerRef") == str(row.uuid)]
                found |= set(mine) if seats else {booking["uid"]}
        return found

    def host(self, row: Appointment) -> str:
        """Return who organizes a row's booking at Cal.com."""
        [booking] = self.simulator.bookings(str(row.uuid))
        username: str = booking["hosts"][0]["username"]
        return username

    def cancels(self) -> int:
        """Count the cancellations that Cal.com was asked for."""
        return sum(entry["target"].endswith("/cancel") for entry in self.simulator.journal())
