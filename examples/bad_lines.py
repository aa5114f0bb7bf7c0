# ruff: noqa: INP001 - a folder of examples, not a package
"""Write the lines that must be refused: what forms, agents and exports send by mistake, one mistake a line."""

import json
from typing import Any

_GOOD: dict[str, Any] = {
    "event_type_id": 101,
    "start": "2031-05-05T09:00:00Z",
    "attendee": {"name": "Wrong Example", "email": "wrong.example@example.com", "time_zone": "Europe/London"},
}


def bad_lines() -> list[str]:
    """Return the bad lines; the comment of each says what is wrong with it."""
    who = _GOOD["attendee"]
    wrong: list[Any] = [
        _GOOD | {"start": "2031-05-05T09:00:00"},  # which nine o'clock? no offset
        _GOOD | {"start": "2020-01-06T09:00:00Z"},  # in the past
        _GOOD | {"start": "tomorrow at nine"},
        _GOOD | {"start": "2031-02-29T09:00:00Z"},  # no leap year
        _GOOD | {"attendee": who | {"time_zone": "Mars/Olympus_Mons"}},
        _GOOD | {"attendee": who | {"phone_number": "+1 202 555 014"}},  # a digit is missing
        _GOOD | {"attendee": who | {"email": "wrong.example-at-example.com"}},
        _GOOD | {"attendee": {"name": "Wrong Example", "time_zone": "Europe/London"}},  # no way to reach them
        _GOOD | {"attendee": who | {"name": "   "}},
        _GOOD | {"attendee": who | {"language": "klingon"}},
        _GOOD | {"colour": "blue"},  # an unknown field
        _GOOD | {"metadata": {"party_size": 4}},  # Cal.com stores strings only
        {key: value for key, value in _GOOD.items() if key != "event_type_id"} | {"event_type_slug": "plain"},  # whose?
        {},
        [1, 2, 3],  # JSON, but no request
    ]
    return [json.dumps(one, ensure_ascii=False) for one in wrong] + ['{"event_type_id": 101, "start": "2031-05-']
