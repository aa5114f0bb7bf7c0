"""What `find` takes: a person by an e-mail address or a number, and a period."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from booking_client.request.fields import Email, Phone, Strict
from booking_client.request.messages import problems
from booking_client.request.model import moment
from worker.api.problems import invalid


class FindRequest(Strict):
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

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Return what `data` (an object of JSON) asks for.

        Raises:
            ApiError: A field is wrong.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise invalid(dict(problems(error))) from None
