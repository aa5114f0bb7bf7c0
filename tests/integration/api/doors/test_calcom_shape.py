"""The door in Cal.com's shape: held to its public document, told in its words, and no other path than /v1's."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from db.api_keys.keys import Scope
from tests.support.api.integrating import blocks
from tests.support.api.served import ALL, NOT_HELD, Api, Caller, Serving, a_request
from tests.support.fleet import eventually
from worker.api.calcom_shape import bodies

PUBLIC = json.loads((Path(__file__).parents[3] / "fixtures/calcom/public_document.json").read_text("utf-8"))
LENGTH_UNKNOWN = {"end", "duration"}
KINDS = "SELECT count(*) FROM appointments WHERE attendee_email = :email"
TYPE_IS_READ = """
INSERT INTO calcom_event_types (key_fingerprint, event_type, kind, sight, seats, length_minutes)
VALUES ('k', '103', 'plain', false, false, 45)
ON CONFLICT DO NOTHING
"""


def asked(**changes: Any) -> dict[str, Any]:
    """Return a body of Cal.com's for a person of its own."""
    ours = a_request()
    attendee = {"name": "Pat Example", "email": ours["attendee"]["email"], "timeZone": "Europe/Berlin"}
    return {"start": "2030-03-05T09:00:00Z", "eventTypeId": 101, "attendee": attendee, **changes}


def post(caller: Caller, path: str, body: Any, *, wait: float | None = 0, **headers: str) -> requests.Response:
    """Send a body as a client of Cal.com does; `wait` None: as long as such a client waits."""
    query = "" if wait is None else f"?wait={wait}"
    version = {"cal-api-version": "2024-08-13", **{name.replace("_", "-"): text for name, text in headers.items()}}
    answer: requests.Response = caller.call("POST", f"/v2/bookings{path}{query}", json=body, headers=version)
    return answer


def becomes(api: Api, uid: str, columns: str) -> None:
    """Move a booking as a worker leaves it."""
    api.sql(f"UPDATE appointments SET {columns} WHERE uuid = CAST(:uid AS uuid)", uid=uid)  # noqa: S608 - ours


def confirmed(api: Api, uid: str) -> None:
    """Have a booking confirmed."""
    becomes(api, uid, f"status = 'confirmed', calcom_booking_uid = 'c-' || id, {NOT_HELD}")


def hold_to(name: str, told: Any, *, without: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Hold a part of an answer to a schema of the public document."""
    text = json.dumps(PUBLIC["schemas"]).replace("#/components/schemas/", "#/$defs/")
    known = json.loads(text.replace('"nullable": true', '"x": 1'))
    known["BookingOutput_2024_08_13"]["properties"]["updatedAt"] = {"type": ["string", "null"]}  # `nullable`
    wanted = known[name]
    wanted["required"] = [one for one in wanted.get("required", ()) if one not in without]
    jsonschema.validate(told, {**wanted, "$defs": known})


def booked(caller: Caller, body: Mapping[str, Any] | None = None) -> Any:
    """Ask for a booking; return it as it is shown."""
    answer = post(caller, "", body or asked())
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_a_booking_is_told_as_the_public_document_says(api: Api) -> None:
    """201 with one of Cal.com's bookings, under our uid; a length that nobody knows is left out."""
    caller = api.key()
    api.sql(TYPE_IS_READ)
    body = asked(lengthInMinutes=30, metadata={"from": "form"}, guests=["guest@example.com"])

    known, by_type, unknown = (booked(caller, one) for one in (body, asked(eventTypeId=103), asked()))

    for one in (known, by_type):
        hold_to("BookingOutput_2024_08_13", one)
    hold_to("BookingOutput_2024_08_13", unknown, without=LENGTH_UNKNOWN)
    assert LENGTH_UNKNOWN.isdisjoint(unknown)
    assert [known["end"], by_type["duration"]] == ["2030-03-05T09:30:00.000Z", 45]
    assert known["attendees"][0]["email"] == body["attendee"]["email"]
    assert (known["metadata"], known["guests"]) == (body["metadata"], body["guests"])


def test_a_uid_works_in_every_later_call_and_in_the_other_door(api: Api) -> None:
    """Read, move, cancel, by the uid of the first answer; it is the `reference` of /v1, and no number that counts."""
    caller = api.key()
    uid = booked(caller)["uid"]
    confirmed(api, uid)

    read = caller.get(f"/v2/bookings/{uid}")
    ours = caller.get(f"/v1/bookings/{uid}")
    moved = post(caller, f"/{uid}/reschedule", {"start": "2030-03-06T09:00:00Z", "reschedulingReason": "Pat asked"})
    cancelled = post(caller, f"/{uid}/cancel", {"cancellationReason": "Pat is ill"})

    for answer, status in ((read, 200), (moved, 201), (cancelled, 200)):
        assert (answer.status_code, answer.json()["status"]) == (status, "success"), answer.text
        hold_to("BookingOutput_2024_08_13", answer.json()["data"], without=LENGTH_UNKNOWN)
        assert answer.json()["data"]["uid"] == uid == ours.json()["reference"]
    assert read.json()["data"]["status"] == "accepted"
    assert cancelled.headers["X-Booking-Change"] in {"pending", "held", "waiting"}
    reasons = "SELECT string_agg(reason, ',' ORDER BY id) FROM booking_changes WHERE appointment_id = :id"
    assert api.sql(reasons, id=ours.json()["id"]) == "Pat asked,Pat is ill"


def test_held_is_told_apart_from_what_a_host_must_confirm(api: Api) -> None:
    """Both are Cal.com's `pending`; the header says which."""
    caller = api.key()
    held, host = booked(caller)["uid"], booked(caller)["uid"]
    becomes(api, held, "status = 'held', hold_reason = 'credentials', held_at = now(), held_for = 'k'")
    confirmed(api, host)
    becomes(api, host, "awaits_host = true")

    told = [caller.get(f"/v2/bookings/{uid}") for uid in (held, host)]

    assert [one.json()["data"]["status"] for one in told] == ["pending", "pending"]
    assert [one.headers["X-Booking-Status"] for one in told] == ["held", "confirmed"]
    assert [one.headers.get("X-Booking-Hold-Reason") for one in told] == ["credentials", None]


@pytest.mark.parametrize(
    ("columns", "status", "told"),
    [
        (f"status = 'confirmed', calcom_booking_uid = 'u', {NOT_HELD}", 201, "accepted"),
        (f"status = 'rejected', error_type = 'taken', {NOT_HELD}", 400, "User either already has booking at this time"),
        (f"status = 'rejected', error_type = 'refused', {NOT_HELD}", 400, "I could not book it."),
    ],
    ids=["booked", "taken", "refused"],
)
def test_who_names_no_time_to_wait_hears_of_the_booking(api: Api, columns: str, status: int, told: str) -> None:
    """A client of Cal.com changes one URL: 201 with what is booked, or Cal.com's own refusal."""
    caller, body = api.key(), asked()
    is_there = "SELECT uuid::text FROM appointments WHERE attendee_email = :email"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post, caller, "", body, wait=20)
        uid = eventually(lambda: api.sql(is_there, email=body["attendee"]["email"]), what="it is stored")
        becomes(api, uid, columns)
        answer = waiting.result(30)

    assert answer.status_code == status
    document = answer.json()
    assert told in (document["data"]["status"] if status == 201 else document["error"]["message"])
    if status == 400:
        hold_to("CalError", document)
        assert document["error"]["details"]["uid"] == uid


def test_a_refused_move_is_told_as_one(api: Api) -> None:
    """400 in Cal.com's words, and the booking is where it was."""
    caller = api.key()
    uid = booked(caller)["uid"]
    confirmed(api, uid)
    is_there = "SELECT id FROM booking_changes ORDER BY id DESC LIMIT 1"
    before = api.sql(is_there)

    with ThreadPoolExecutor(1) as pool:
        asked_for = pool.submit(post, caller, f"/{uid}/reschedule", {"start": "2030-03-06T09:00:00Z"}, wait=20)
        eventually(lambda: api.sql(is_there) != before, what="it is stored")
        api.sql(
            "UPDATE booking_changes SET status = 'refused', error_type = 'taken' WHERE id = :id", id=api.sql(is_there)
        )
        answer = asked_for.result(30)

    assert (answer.status_code, answer.headers["X-Booking-Status"]) == (400, "confirmed")
    assert answer.json()["error"]["message"].startswith("User either already has booking at this time")
    assert caller.get(f"/v2/bookings/{uid}").json()["data"]["start"] == "2030-03-05T09:00:00.000Z"


def test_both_doors_are_one_path(api: Api) -> None:
    """The same request is the same booking, whichever asks; so is the same key, of a client that is answered twice."""
    caller, body = api.key(), asked()
    ours = {"event_type_id": 101, "start": body["start"], "attendee": {
        "name": "Pat Example", "email": body["attendee"]["email"], "time_zone": "Europe/Berlin"}}  # fmt: skip

    uids = {booked(caller, body)["uid"] for _ in range(2)} | {caller.book(ours).json()["reference"]}
    keyed = [post(caller, "", asked(), Idempotency_Key="form-1") for _ in range(2)]

    assert len(uids) == 1
    assert api.sql(KINDS, email=body["attendee"]["email"]) == 1
    assert [one.status_code for one in keyed] == [201, 422]
    hold_to("CalError", keyed[1].json())


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "another version": ({}, "cal-api-version must be 2024-08-13"),
    "a slug": ({"eventTypeSlug": "intro"}, "eventTypeSlug is not taken here"),
    "a series": ({"recurrenceCount": 4}, "recurrenceCount is not taken here"),
    "an instant meeting": ({"instant": True}, "instant is not taken here"),
    "our name": ({"event_type_id": 101}, "event_type_id is not taken here"),
    "an account": ({"account": "salon-7"}, "account is not taken here"),
    "a wrong zone": ({"attendee": {"name": "Pat", "email": "a@example.com", "timeZone": "EST5"}}, "attendee.timeZone"),
    "no offset": ({"start": "2030-03-05T09:00:00"}, "start needs its offset"),
    "the past": ({"start": "2020-03-05T09:00:00Z"}, "start is in the past"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_cal_coms_name(api: Api, name: str) -> None:
    """400 in Cal.com's shape, with the field; nothing is stored, and no value is repeated."""
    changes, told = REFUSED[name]
    caller, body = api.key(), asked(**changes)
    version = "2024-06-14" if name == "another version" else "2024-08-13"

    answer = post(caller, "", body, cal_api_version=version)

    assert answer.status_code == 400
    hold_to("CalError", answer.json())
    assert told in answer.json()["error"]["message"]
    assert body["attendee"]["email"] not in answer.text
    assert api.sql("SELECT count(*) FROM appointments WHERE api_key_id = (SELECT id FROM api_keys WHERE name = :name)",
                   name=caller.name) == 0  # fmt: skip


def test_a_tenant_reaches_nothing_of_another_one(api: Api) -> None:
    """404 for each action, to the letter as for a uid that nobody has; the scope counts here, too."""
    owner, stranger, sees_all = api.key(), api.key(), api.key(ALL | {Scope.ALL})
    uid, nobody = booked(owner)["uid"], "00000000-0000-4000-8000-000000000000"

    def told(name: str) -> list[tuple[int, Any]]:
        answers = [
            stranger.get(f"/v2/bookings/{name}"),
            post(stranger, f"/{name}/cancel", {}),
            post(stranger, f"/{name}/reschedule", {"start": "2030-03-06T09:00:00Z"}),
        ]
        return [(one.status_code, one.json()["error"]) for one in answers]

    assert told(uid) == told(nobody)
    assert [status for status, _ in told(uid)] == [404] * 3
    assert sees_all.get(f"/v2/bookings/{uid}").status_code == 200
    assert post(sees_all, f"/{uid}/cancel", {}).status_code == 404
    assert post(api.key({Scope.READ}), "", asked()).status_code == 403
    assert post(api.key(event_types=[102]), "", asked()).status_code == 403
    assert api.call("GET", f"/v2/bookings/{uid}").status_code == 401
    assert stranger.get("/v2/event-types").json()["error"]["code"] == "NotFoundException"


def test_no_person_is_read_out(api: Api) -> None:
    """The request that names a person is answered with it; a later reader learns nothing of that person."""
    caller = api.key()
    body = asked()
    uid = booked(caller, body)["uid"]

    read = caller.get(f"/v2/bookings/{uid}")

    assert read.json()["data"]["attendees"] == []
    assert body["attendee"]["email"] not in read.text
    assert "Pat" not in read.text


def test_free_times_are_told_by_their_day(serving: Serving, simulator: Any) -> None:
    """In the zone that is asked for; where they are not known it is 503, for an empty list would say another thing."""
    calcom = {"CALCOM_BASE_URL": simulator.url, "CALCOM_API_KEY": "cal_test_owner", "CALCOM_RATE_LIMIT_PER_MINUTE": "0"}
    api = serving.start(**calcom)
    caller = api.key()
    query = "eventTypeId=101&start=2030-03-05&end=2030-03-05&timeZone=Europe/Berlin"

    answer = caller.get(f"/v2/slots?{query}")
    direct = requests.get(f"{simulator.url}/v2/slots?{query}", headers={"cal-api-version": "2024-09-04"}, timeout=30)

    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    ours, theirs = (
        {day: [datetime.fromisoformat(one["start"]) for one in starts] for day, starts in told.json()["data"].items()}
        for told in (answer, direct)
    )
    assert ours.keys() == theirs.keys()
    assert all(set(theirs[day]) <= set(ours[day]) for day in theirs)  # Cal.com leaves out what ends after the period
    assert {start.utcoffset() for start in ours["2030-03-05"]} == {timedelta(hours=1)}
    away = serving.start(**calcom | {"CALCOM_BASE_URL": "http://127.0.0.1:1"}, REDIS_URL="redis://127.0.0.1:1")
    unknown = Caller(away, caller.key, caller.name).get(f"/v2/slots?{query}")
    assert unknown.status_code == 503
    assert unknown.json()["error"]["code"] == "ServiceUnavailableException"
    assert unknown.headers["Retry-After"]
    for wrong in ("&format=range", "&duration=60", "&eventTypeSlug=intro"):
        assert caller.get(f"/v2/slots?{query}{wrong}").status_code == 400


def test_each_name_here_is_one_of_the_public_document() -> None:
    """What is taken is Cal.com's, and what Cal.com has and is not taken is known to be refused."""
    schemas = PUBLIC["schemas"]
    taken: Callable[[str], set[str]] = lambda name: set(schemas[name]["properties"])  # noqa: E731

    assert taken("CreateBookingInput_2024_08_13") - bodies.BOOKING_NAMES.keys() == {
        "eventTypeSlug", "username", "teamSlug", "organizationSlug", "meetingUrl", "routing", "emailVerificationCode",
    }  # fmt: skip
    assert taken("CreateBookingAttendee") == bodies.ATTENDEE_NAMES.keys()
    assert taken("CancelBookingInput_2024_08_13") - bodies.CANCEL_NAMES.keys() == {"cancelSubsequentBookings"}
    assert taken("RescheduleBookingInput_2024_08_13") - bodies.MOVE_NAMES.keys() == {
        "rescheduledBy",
        "emailVerificationCode",
    }
    assert bodies.SLOTS_NAMES.keys() <= set(PUBLIC["slots_parameters"])
    for names in (bodies.BOOKING_NAMES, bodies.CANCEL_NAMES, bodies.MOVE_NAMES):
        assert all(re.fullmatch(r"[a-zA-Z]+", name) for name in names)


def test_the_block_of_the_page_is_answered_in_the_form_that_is_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a shell; no worker runs, so only the status is another one."""
    monkeypatch.setenv("BOOKING_URL", api.url)
    monkeypatch.setenv("BOOKING_KEY", api.key().key)
    [curl], [shown] = blocks("bash calcom"), map(json.loads, blocks("json calcom-answer"))
    curl = curl.replace('/v2/bookings"', '/v2/bookings?wait=0"')

    ran = subprocess.run(["/bin/sh", "-c", curl], check=True, capture_output=True, text=True, timeout=60)

    told = json.loads(ran.stdout)
    assert (told.keys(), told["data"].keys()) == (shown.keys(), shown["data"].keys())
    assert told["data"]["attendees"] == shown["data"]["attendees"]
