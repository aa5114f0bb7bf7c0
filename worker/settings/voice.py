"""The settings of voice agents: by what Retell and Vapi prove themselves."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.settings.environment import given_texts
from worker.settings.model import SettingsError
from worker.settings.texts import problem_line
from worker.settings.values import SecretList


def _secrets(meaning: str) -> Any:
    return Field(default=(), description=meaning, json_schema_extra={"unit": "", "zero": ""}, repr=False)


class VoiceSettings(BaseModel):
    """Hold the secrets of voice agents; two of each let one be changed without a gap."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    retell_api_keys: SecretList = _secrets(
        "Retell's API keys, which sign its calls, separated by blanks; none: refused"
    )
    vapi_secrets: SecretList = _secrets("what Vapi sends as X-Vapi-Secret, separated by blanks; none: refused")

    @classmethod
    def load(cls) -> Self:
        """Read the settings as `Settings.load` does.

        Raises:
            SettingsError: one line a problem, without the values.
        """
        try:
            return cls(**given_texts(cls.model_fields))
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise SettingsError([problem_line(detail, cls.model_fields) for detail in details]) from None
