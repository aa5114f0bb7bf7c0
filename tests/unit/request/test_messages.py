"""A fault is told in a person's words, and never with the value."""

from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from booking_client.request.messages import Problem, problems


class Foreign(BaseModel):
    """A model whose error types have no words of ours."""

    id: UUID
    size: int


def test_a_fault_without_words_of_ours_does_not_repeat_the_value() -> None:
    """The library's own messages may quote what they refuse."""
    with pytest.raises(ValidationError) as refused:
        Foreign.model_validate({"id": "secret", "size": "secret"})
    assert problems(refused.value) == [Problem("id", "is not valid"), Problem("size", "is not valid")]


def test_a_value_that_is_not_an_object_is_a_fault_of_the_request() -> None:
    """Where there is no field, the request itself is named."""
    with pytest.raises(ValidationError) as refused:
        Foreign.model_validate(7)
    assert problems(refused.value) == [Problem("request", "must be an object")]
