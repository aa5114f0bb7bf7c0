"""Where a booking takes place: the eight kinds of `location` that Cal.com knows, each with its own required field."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.request.fields import Line, Phone

# docs/calcom.md: the conferencing apps that Cal.com accepts by name.
Integration = Literal[
    "cal-video",
    "google-meet",
    "zoom",
    "whereby-video",
    "whatsapp-video",
    "webex-video",
    "telegram-video",
    "tandem",
    "sylaps-video",
    "skype-video",
    "sirius-video",
    "signal-video",
    "shimmer-video",
    "salesroom-video",
    "roam-video",
    "riverside-video",
    "ping-video",
    "office365-video",
    "mirotalk-video",
    "jitsi",
    "jelly-video",
    "jelly-conferencing",
    "huddle",
    "facetime-video",
    "element-call-video",
    "eightxeight-video",
    "discord-video",
    "demodesk-video",
    "campfire-video",
]


class _Location(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class OrganizersPlace(_Location):
    """Name a place that the organizer has set in the event type."""

    type: Literal["address", "link", "phone", "organizersDefaultApp"]


class IntegrationPlace(_Location):
    """Name a conferencing app."""

    type: Literal["integration"]
    integration: Integration


class AttendeeAddress(_Location):
    """Give the attendee's own address."""

    type: Literal["attendeeAddress"]
    address: Line


class AttendeePhone(_Location):
    """Give the number on which the attendee is called."""

    type: Literal["attendeePhone"]
    phone: Phone


class AttendeeDefined(_Location):
    """Give a place in the attendee's words."""

    type: Literal["attendeeDefined"]
    location: Line


Location = Annotated[
    OrganizersPlace | IntegrationPlace | AttendeeAddress | AttendeePhone | AttendeeDefined, Field(discriminator="type")
]
