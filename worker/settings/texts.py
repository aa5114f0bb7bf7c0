"""How a setting is written: its value as the environment has it, and what is wrong with it as one line."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from resilience.retry_policy import TransientErrors


def text_of(value: Any) -> str:
    """Write a value as the environment would hold it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, TransientErrors):
        return value.text
    if isinstance(value, tuple):
        return (" " if value and isinstance(value[0], SecretStr) else ",").join(text_of(part) for part in value)
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def problem_line(detail: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """Turn one finding of pydantic into a line that names the setting and says what to do."""
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message  # written by _agree, name and all
    name = str(detail["loc"][0])
    if detail["type"] == "value_error":
        return f"{name.upper()}: {message}"  # written by setting_values
    field = fields[name]
    about = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit = f" ({about['unit']})" if about.get("unit") else ""
    return f"{name.upper()}: {message.removeprefix('Input ')}{unit}; the default is {text_of(field.default)}"
