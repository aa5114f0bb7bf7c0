"""What `find` takes: a person by an e-mail address or a number, and a period."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from booking_client.request.fields import Email, Phone
from booking_client.request.model import moment
from worker.api.bodies import RequestBody


class FindRequest(RequestBody):
    """Ask for the bookings of one person that start in a period."""

    email: Email | None = None
    phone: Phone | None = None
    begin: Annotated[datetime, BeforeValidator(moment), Field(alias="from")]
    end: Annotated[datetime, BeforeValidator(moment), Field(alias="to")]

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise ValueError("needs either an email or a phone")
        return self
