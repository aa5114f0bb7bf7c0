"""The place of a booking: the eight kinds of `location` that Cal.com knows, each with its own required field."""

from typing import Annotated, Literal

from pydantic import Field

from booking_client.request.fields import Line, Phone, Strict

# docs/calcom.md: the conferencing apps that Cal.com accepts by name.
# fmt: off
Integration = Literal[
    "cal-video", "google-meet", "zoom", "whereby-video", "whatsapp-video", "webex-video", "telegram-video",
    "tandem", "sylaps-video", "skype-video", "sirius-video", "signal-video", "shimmer-video", "salesroom-video",
    "roam-video", "riverside-video", "ping-video", "office365-video", "mirotalk-video", "jitsi", "jelly-video",
    "jelly-conferencing", "huddle", "facetime-video", "element-call-video", "eightxeight-video", "discord-video",
    "demodesk-video", "campfire-video",
]
# fmt: on


class OrganizersPlace(Strict):
    """Name a place that the organizer has set in the event type."""

    type: Literal["address", "link", "phone", "organizersDefaultApp"]


class IntegrationPlace(Strict):
    """Name a conferencing app."""

    type: Literal["integration"]
    integration: Integration


class AttendeeAddress(Strict):
    """Give the attendee's own address."""

    type: Literal["attendeeAddress"]
    address: Line


class AttendeePhone(Strict):
    """Give the phone number on which the attendee is called."""

    type: Literal["attendeePhone"]
    phone: Phone


class AttendeeDefined(Strict):
    """Give a place in the attendee's words."""

    type: Literal["attendeeDefined"]
    location: Line


Location = Annotated[
    OrganizersPlace | IntegrationPlace | AttendeeAddress | AttendeePhone | AttendeeDefined, Field(discriminator="type")
]
