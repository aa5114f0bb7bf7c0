"""How one setting is declared."""

from typing import Any

from pydantic import Field


def setting(default: Any, meaning: str, *, unit: str = "", zero: str = "", **limits: Any) -> Any:
    """Describe one setting; `unit` and `zero` (what 0 means) become columns of docs/settings.md."""
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit, "zero": zero}, **limits)
