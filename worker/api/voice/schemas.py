"""The descriptions of the tools for models, and their parameters (JSON Schema): the same on each platform.

A schema is what a model should send; `Arguments` reads more than that.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

INSTRUCTIONS = (
    "Say the `say` of each answer to the person word for word, and do what it asks for. Never say that something is "
    "booked, moved or cancelled unless `say` does. After an error or no answer use the tool again with the same "
    "arguments: it is done once. Send `another` only after the person has said yes."
)


class Described(NamedTuple):
    """Hold the description of a tool for models; `reads`: the tool changes nothing. Each tool may be repeated."""

    text: str
    parameters: Mapping[str, Any]
    reads: bool = False


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties)}
    return schema | {"required": list(required)} if required else schema


_ZONE = _text("The person's time zone, as Europe/Berlin, or a city; only if the person is elsewhere")
_WHICH = {
    "start": _text("The day and time that the appointment has now, as 2030-03-05T10:00:00"),
    "email": _text("The e-mail address that it was booked with"),
    "phone_number": _text("Or the number, as +12025550100"),
}
SCHEMAS: Mapping[str, Described] = MappingProxyType(
    {
        "book": Described(
            "Book an appointment. A repeat gets the same booking.",
            _object(
                {
                    "start": _text("Local day and time, as 2030-03-05T10:00:00"),
                    "name": _text("The person's name"),
                    "email": _text("The person's e-mail address"),
                    "phone_number": _text("With its country code, as +12025550100"),
                    "time_zone": _ZONE,
                    "notes": _text("What the person wants the host to know"),
                    "answers": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                        "description": "The person's answers to the questions that were asked, by the question",
                    },
                    "another": {
                        "type": "boolean",
                        "description": "True only if the person has confirmed it: one more booking, or that the "
                        "cancelled one is to stay",
                    },
                },
                "start",
                "name",
            ),
        ),
        "status": Described(
            "Say how an appointment stands. Without arguments: the one of this call.",
            _object({**_WHICH, "time_zone": _ZONE}),
            reads=True,
        ),
        "cancel": Described(
            "Cancel an appointment. Without arguments: the one of this call.", _object({**_WHICH, "time_zone": _ZONE})
        ),
        "reschedule": Described(
            "Move an appointment to another time. With new_start alone: the one of this call.",
            _object(
                {
                    "new_start": _text("The wanted day and time, as 2030-03-06T10:00:00"),
                    **_WHICH,
                    "time_zone": _ZONE,
                },
                "new_start",
            ),
        ),
        "slots": Described(
            "Say the next free times.",
            _object(
                {
                    "date": _text("A day, as 2030-03-05; none: the next 14 days"),
                    "start": _text("Instead of date: that day from this time on, as 2030-03-05T14:00:00"),
                    "time_zone": _ZONE,
                }
            ),
            reads=True,
        ),
    }
)
