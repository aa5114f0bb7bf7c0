"""How one setting is declared, and the settings of one subject."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Subject(BaseModel):
    """Hold the settings of one subject; nobody builds it but as a part of all of them."""

    model_config = ConfigDict(defer_build=True)  # pydantic builds the checks of all settings, and no others


def setting(default: Any, meaning: str, *, unit: str = "", zero: str = "", **limits: Any) -> Any:
    """Describe one setting; `unit` and `zero` (what 0 means) become columns of docs/settings.md."""
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit, "zero": zero}, **limits)
