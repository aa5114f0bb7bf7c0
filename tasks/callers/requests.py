"""What a caller of the HTTP API may ask for beyond a booking: an own address for the callbacks of one."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from booking_client.request.model import BookingRequest


class CallerRequest(BookingRequest):
    """Ask for one booking over HTTP. `callback_url`: its callbacks go there, and not to the address of the key."""

    model_config = ConfigDict(title="BookingRequest")  # as it is called in OpenAPI's document

    callback_url: Annotated[str | None, Field(min_length=1, max_length=2000, repr=False)] = None

    def values(self) -> Mapping[str, Any]:
        """Return the request's columns of `appointments`."""
        return {**super().values(), "callback_url": self.callback_url}
