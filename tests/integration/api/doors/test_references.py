"""An id that counts nothing names a booking at each address, as its number does; what is known is not sent again."""

import pytest

from tests.support.api.served import Api, a_request


def test_a_reference_names_a_booking_wherever_its_number_does(api: Api) -> None:
    """Read, cancel, move and read the change: the same answers by both; a text of another form names nothing."""
    caller = api.key()
    made = caller.book(a_request()).json()
    number, reference = made["id"], made["reference"]

    by_both = [caller.get(f"/v1/bookings/{name}").json() for name in (number, reference)]
    asked = caller.call("POST", f"/v1/bookings/{reference}/reschedule", json={"start": "2030-03-06T10:00:00Z"})
    changed = caller.get(f"/v1/bookings/{reference}/changes/{asked.json()['id']}")
    listed = caller.get("/v1/bookings").json()["bookings"]

    assert by_both[0] == by_both[1]
    assert (asked.json()["booking"], changed.json()["booking"]) == (number, number)
    assert [one["reference"] for one in listed] == [reference]
    assert caller.book(a_request(), key="form-1").json()["reference"] != reference
    for text in (reference.upper(), reference[:-1], f"{{{reference}}}", reference.replace("-", "")):
        assert caller.get(f"/v1/bookings/{text}").status_code == 404


def test_a_repeat_has_the_reference_of_its_booking(api: Api) -> None:
    """By whichever key, alone or in a batch."""
    caller, asked = api.key(), a_request()

    told = [caller.book(asked).json()["reference"] for _ in range(2)]
    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [asked]}).json()["results"]

    assert {*told, batch[0]["booking"]["reference"]} == {told[0]}
    assert told[0]


def test_another_keys_reference_is_as_one_that_is_not_there(api: Api) -> None:
    """To the letter, for each action."""
    reference = api.key().book(a_request()).json()["reference"]
    stranger, nobody = api.key(), "00000000-0000-4000-8000-000000000000"

    def told(name: str) -> list[str]:
        return [
            stranger.get(f"/v1/bookings/{name}").text,
            stranger.get(f"/v1/bookings/{name}/changes/1").text,
            stranger.call("POST", f"/v1/bookings/{name}/cancel", json={}).text,
        ]

    assert told(reference) == told(nobody)
    assert "no-such" in told(nobody)[0]


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_a_booking_that_is_known_is_not_sent_again(api: Api, form: str) -> None:
    """304 until it changes, then 200 with another tag."""
    caller = api.key()
    number = caller.booked(key="form-1")
    tag = caller.get(f"/v1/bookings/{number}").headers["ETag"]
    headers = {"If-None-Match": form.format(tag=tag)}

    known = [caller.call("GET", f"/v1/bookings{path}", headers=headers) for path in (f"/{number}", "?key=form-1")]
    caller.call("POST", f"/v1/bookings/{number}/cancel", json={})
    changed = caller.call("GET", f"/v1/bookings/{number}", headers={"If-None-Match": tag})

    assert [(one.status_code, one.content, one.headers["ETag"]) for one in known] == [(304, b"", tag)] * 2
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
