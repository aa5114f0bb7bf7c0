# ruff: noqa: INP001 - a folder of examples, not a package
"""Write bookings.jsonl: what a clinic or salon is asked for, with the mistakes, and the counts that must come out.

`python examples/make_bookings.py` writes the file and the table in README.md; `--check` says whether both are as they
would be written (exit 1 if not); `--counts` prints the counts as JSON. The same every time: chance has a seed, and the
dates are far away, so that no line turns bad before 2030. The event types are the simulator's.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from bad_lines import bad_lines
from people import OFFSETS, Person, everybody

HERE = Path(__file__).parent
# In Berlin the clock goes back on the first of these nights, so there are two; on the last it goes forward: none.
HALF_PAST_TWO = ("2030-10-27T02:30:00+02:00", "2030-10-27T02:30:00+01:00", "2031-03-30T02:30:00+01:00")
BEGIN, END = "<!-- counts -->\n", "<!-- end of counts -->\n"


class Fate(StrEnum):
    """What must become of a line."""

    BOOKED = "booked"
    REFUSED = "refused"  # accepted, but one of those who ask for the same room in vain: which one, chance says
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # a given key again, with another request
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file."""

    text: str
    fate: Fate


def calendar(first: date, hours: Iterable[int]) -> Iterator[datetime]:
    """Yield the starts that a host offers: the same hours on every weekday, one booking each."""
    hours = tuple(hours)
    day = datetime(first.year, first.month, first.day, tzinfo=UTC)
    while True:
        if day.weekday() < 5:
            yield from (day + timedelta(hours=hour) for hour in hours)
        day += timedelta(days=1)


class Book:
    """Write requests, each for another person; what is optional comes and goes with the person's number."""

    def __init__(self) -> None:
        self._people = everybody()

    def ask(self, event_type: int | dict[str, str], start: datetime, **more: Any) -> dict[str, Any]:
        """Return the next person's request; an event type is an id, or a slug with its owner."""
        person = next(self._people)
        request: dict[str, Any] = {"event_type_id": event_type} if isinstance(event_type, int) else dict(event_type)
        request |= {"start": _written(start, person), "attendee": person.attendee(phone=person.number % 8 == 0)}
        return request | _extras(person) | more

    def call(self, event_type: int, start: datetime) -> dict[str, Any]:
        """Return the request of somebody on the phone who gives no address."""
        person = next(self._people)
        place = {"location": {"type": "attendeePhone", "phone": person.phone}} if person.number % 2 else {}
        return {
            "event_type_id": event_type,
            "start": _written(start, person),
            "attendee": person.attendee(email=False, phone=True),
            **place,
            "metadata": {"source": "phone"},
        }


def _written(start: datetime, person: Person) -> str:
    """Write an instant as its sender would: in UTC, or with the offset of the person's zone."""
    offset = OFFSETS.get(person.time_zone)
    if offset is None or person.number % 2:
        return start.isoformat().replace("+00:00", "Z")
    return start.astimezone(timezone(timedelta(hours=offset))).isoformat()


def _extras(person: Person) -> dict[str, Any]:
    number, extras = person.number, dict[str, Any]()
    if number % 9 == 0:
        extras["guests"] = [f"guest.{number:03d}@example.org", f"guest+{number:03d}@example.com"][: 1 + number % 2]
    if number % 7 == 0:
        extras["location"] = {"type": "address"}
    if number % 5 == 0:
        extras["booking_fields_responses"] = {"notes": ("First visit", "Brings a child", "¿Hay ascensor?")[number % 3]}
    if number % 3:
        extras["metadata"] = {"source": ("web", "voice-agent", "front-desk")[number % 3], "visit": f"v-{number:04d}"}
    if number % 4 == 1:
        extras["idempotency_key"] = f"web-{number:04d}"
    return extras


def accepted() -> list[list[tuple[dict[str, Any], Fate]]]:
    """Return the requests that become rows, in bundles that stay together: who wants the same room wants it at once."""
    book, march = Book(), date(2030, 3, 4)
    plain, confirm, seats, team, coll, phone, multi, open_ = (calendar(march, range(9, 17)) for _ in range(8))
    daily = calendar(date(2031, 1, 6), [10])
    by_slug = {"event_type_slug": "multi", "username": "host10"}
    by_team = {"event_type_slug": "rr", "team_slug": "team"}
    bundles = [[(book.ask(101, start), Fate.BOOKED)] for start in islice(plain, 48)]
    bundles += [[(book.ask(105, start), Fate.BOOKED)] for start in islice(plain, 20)]  # an hour with the same host
    bundles += [_rivals(book, 101, start, room=1, wanted=2) for start in islice(plain, 8)]
    bundles += [_rivals(book, 105, start, room=1, wanted=2) for start in islice(plain, 2)]
    bundles += [[(book.ask(102, start), Fate.BOOKED)] for start in islice(confirm, 18)]  # the host must confirm
    bundles += [_rivals(book, 102, next(confirm), room=2, wanted=2)]  # until then the time is free for others
    bundles += [_rivals(book, 103, start, room=3, wanted=3) for start in islice(seats, 6)]  # a class of three
    bundles += [_rivals(book, 103, next(seats), room=3, wanted=4)]
    bundles += [[(book.ask(104, start), Fate.BOOKED)] for start in islice(team, 9)]  # the one of the two that is free
    bundles += [[(book.ask(by_team, start), Fate.BOOKED)] for start in islice(team, 5)]
    bundles += [_rivals(book, 104, start, room=2, wanted=2) for start in islice(team, 3)]
    bundles += [_rivals(book, 104, next(team), room=2, wanted=3)]
    bundles += [[(book.ask(106, start), Fate.BOOKED)] for start in islice(coll, 10)]  # both hosts together
    bundles += [[(book.call(107, start), Fate.BOOKED)] for start in islice(phone, 22)]
    bundles += [[(book.ask(108, start), Fate.BOOKED)] for start in islice(daily, 8)]  # one a day
    bundles += [
        [(book.ask(109, start, length_in_minutes=length), Fate.BOOKED)]
        for start, length in zip(islice(multi, 9), (15, 30, 60) * 3, strict=True)
    ]
    bundles += [[(book.ask(by_slug, start), Fate.BOOKED)] for start in islice(multi, 6)]
    bundles += [[(book.ask(110, start), Fate.BOOKED)] for start in islice(open_, 8)]
    bundles += [_rivals(book, 110, start, room=2, wanted=2) for start in islice(open_, 2)]  # Cal.com books both
    return bundles + _clock_changes()


def _rivals(
    book: Book, event_type: int, start: datetime, *, room: int, wanted: int
) -> list[tuple[dict[str, Any], Fate]]:
    """Let `wanted` people ask for one start that has room for `room`."""
    return [(book.ask(event_type, start), Fate.BOOKED if n < room else Fate.REFUSED) for n in range(wanted)]


def _clock_changes() -> list[list[tuple[dict[str, Any], Fate]]]:
    """Book the night on which Berlin has two half past twos, both of them, and the one that has none."""
    owl = {"name": "Uhu Beispiel", "email": "uhu.beispiel@example.org", "time_zone": "Europe/Berlin", "language": "de"}
    return [[({"event_type_id": 101, "start": start, "attendee": owl}, Fate.BOOKED)] for start in HALF_PAST_TWO]


def again(requests: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any], Fate]]:
    """Return what is sent once more, with the place of the first in `requests`: it must come after it."""
    keyed = [n for n, request in enumerate(requests) if "idempotency_key" in request]
    spare = [n for n, request in enumerate(requests) if "idempotency_key" not in request]
    by_mail = [n for n in spare if "email" in requests[n]["attendee"]]
    by_phone = [n for n in spare if "email" not in requests[n]["attendee"]]
    by_offset = [n for n in by_mail if not requests[n]["start"].endswith("Z")]
    night = next(n for n in by_offset if requests[n]["start"] == HALF_PAST_TWO[1])
    by_case = [n for n in by_mail if n not in by_offset]
    lines = [(n, requests[n], Fate.DUPLICATE) for n in keyed[:6]]  # the form was sent twice
    lines += [(n, _other_case(requests[n]), Fate.DUPLICATE) for n in by_case[:6]]
    lines += [(n, _in_utc(requests[n]), Fate.DUPLICATE) for n in sorted({*by_offset[:3], night})]
    lines += [(n, _other_spelling(requests[n]), Fate.DUPLICATE) for n in by_phone[:2]]
    lines += [(n, requests[n] | {"start": "2031-06-02T09:00:00Z"}, Fate.CONFLICT) for n in keyed[6:9]]
    return lines


def _other_case(request: dict[str, Any]) -> dict[str, Any]:
    local, domain = request["attendee"]["email"].split("@")
    return request | {"attendee": request["attendee"] | {"email": f"{local.title()}@{domain.upper()}"}}


def _in_utc(request: dict[str, Any]) -> dict[str, Any]:
    start = datetime.fromisoformat(request["start"]).astimezone(UTC)
    return request | {"start": start.isoformat().replace("+00:00", "Z")}


def _other_spelling(request: dict[str, Any]) -> dict[str, Any]:
    phone = request["attendee"]["phone_number"].replace(" ", "-")
    return request | {"attendee": request["attendee"] | {"phone_number": phone}}


def lines() -> list[Line]:
    """Return the whole file: shuffled, but who repeats a request comes after it."""
    rng = random.Random(2030)  # noqa: S311 - an order that looks like life, not a secret
    bundles = accepted()
    rng.shuffle(bundles)
    firsts = [one for bundle in bundles for one in bundle]
    placed = [(float(n), _text(request), fate) for n, (request, fate) in enumerate(firsts)]
    sure = [n for n, (_, fate) in enumerate(firsts) if fate is Fate.BOOKED and not _has_rivals(firsts, n)]
    for n, request, fate in again([firsts[n][0] for n in sure]):
        placed.append((rng.uniform(sure[n] + 0.5, len(firsts)), _text(request), fate))
    placed += [(rng.uniform(0, len(firsts)), text, Fate.BAD) for text in bad_lines()]
    return [Line(text, fate) for _, text, fate in sorted(placed, key=lambda one: one[0])]


def _has_rivals(firsts: list[tuple[dict[str, Any], Fate]], place: int) -> bool:
    """Say whether a neighbour wants the same start: then it may end refused, and who asks again may try again."""
    start = firsts[place][0]["start"]
    near = firsts[max(0, place - 3) : place] + firsts[place + 1 : place + 4]
    return any(datetime.fromisoformat(one["start"]) == datetime.fromisoformat(start) for one, _ in near)


def _text(request: dict[str, Any]) -> str:
    return json.dumps(request, ensure_ascii=False)


def counts(file: list[Line]) -> dict[str, int]:
    """Return what `booking demo --json` must say of this file, and how many of the invalid lines are conflicts."""
    fates = Counter(line.fate for line in file)
    return {
        "requests": len(file),
        "invalid": fates[Fate.BAD] + fates[Fate.CONFLICT],
        "conflicts": fates[Fate.CONFLICT],
        "duplicates": fates[Fate.DUPLICATE],
        "accepted": fates[Fate.BOOKED] + fates[Fate.REFUSED],
        "confirmed": fates[Fate.BOOKED],
        "rejected": fates[Fate.REFUSED],
    }


def table(found: dict[str, int]) -> str:
    """Return the table of README.md."""
    rows = {
        "requests": "lines of the file",
        "invalid": "refused by us, each with its line and why: they are wrong, or in conflict",
        "conflicts": "of these, a key given before for another request",
        "duplicates": "asked before, in the same or other words",
        "accepted": "kept as a booking to make",
        "confirmed": "of these, booked at Cal.com",
        "rejected": "of these, refused by Cal.com: another customer has the time or the last seat",
    }
    body = "".join(f"| {name} | {found[name]} | {meaning} |\n" for name, meaning in rows.items())
    return f"| count | lines | meaning |\n|---|---|---|\n{body}"


def main() -> int:
    """Write, check or count."""
    options = argparse.ArgumentParser(description="Write examples/bookings.jsonl and its counts.")
    options.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a file is not as it would be"
    )
    options.add_argument("--counts", action="store_true", help="print the counts as JSON")
    asked = options.parse_args()
    file = lines()
    if asked.counts:
        sys.stdout.write(json.dumps(counts(file)) + "\n")
        return 0
    readme = (HERE / "README.md").read_text("utf-8")
    before, _, rest = readme.partition(BEGIN)
    wanted = {
        HERE / "bookings.jsonl": "".join(line.text + "\n" for line in file),
        HERE / "README.md": before + BEGIN + table(counts(file)) + END + rest.partition(END)[2],
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    if asked.check:
        sys.stderr.writelines(
            f"examples/{path.name} is not what make_bookings.py writes: make examples\n" for path in stale
        )
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], "utf-8")
        sys.stdout.write(f"wrote examples/{path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
