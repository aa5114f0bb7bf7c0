"""All settings together, each declared in the module of its subject beside this one; the one reader of the environment.

Values come from the environment, then from `.env` in the current folder. An empty value counts as not given. Each name
may have BOOKING_ before it, for the host may use the bare one for itself; that wins.
docs/settings.md and .env.example are generated from them (`python -m worker.settings.table`).
"""

import os
from collections.abc import Iterator
from typing import Any, Self

from pydantic import ConfigDict, ValidationError, model_validator

from worker.settings.calcom import CalcomSettings
from worker.settings.environment import given_texts, prefixed, slips
from worker.settings.http import HttpSettings
from worker.settings.patterns import PatternSettings
from worker.settings.places import PlaceSettings
from worker.settings.texts import problem_line, text_of
from worker.settings.values import NO_CLUSTER, place_of
from worker.settings.watching import WatchSettings

MARGIN = 10.0  # seconds that a claim, and a permit, outlive the longest call
LEAST_RATE = 7  # calls a minute: of these the next one is less than a margin away


class SettingsError(ValueError):
    """Say what is wrong with the settings, one line a problem: `NAME: what is wrong; what to do`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# pydantic reads the fields of the last base first: docs/settings.md has them in that order.
class Settings(WatchSettings, HttpSettings, PatternSettings, CalcomSettings, PlaceSettings):
    """Hold every setting, checked. Build it with `Settings.load()`, which explains what is wrong.

    `CIRCUIT_BREAKER_WINDOW` is `settings.circuit_breaker_window`; times are seconds. Frozen: use `model_copy`.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False, validate_default=True)

    @property
    def fleet(self) -> str:
        """Return what tells this fleet from another one: FLEET_NAME, else the database's place."""
        return self.fleet_name or place_of(self.database_url or "", self.database_schema)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.celery_broker_url and (self.redis_url or "").partition(":")[0].endswith("+cluster"):
            raise ValueError(f"REDIS_URL: {NO_CLUSTER}")
        longest = max(self.calcom_connect_timeout, self.calcom_read_timeout)
        if self.calcom_deadline < longest:
            raise ValueError(f"CALCOM_DEADLINE: is shorter than a time-out within it; set it to {longest:g} s or more")
        if self.calcom_connect_timeout >= MARGIN:
            raise ValueError(
                f"CALCOM_CONNECT_TIMEOUT: must be below {MARGIN:g} s: a claim waits no longer for its first byte"
            )
        if 0 < self.calcom_rate_limit_per_minute < LEAST_RATE:
            raise ValueError(
                f"CALCOM_RATE_LIMIT_PER_MINUTE: below {LEAST_RATE} an unclear answer is never settled, for that takes "
                "several calls within one claim; set it higher, or to 0 for no limit of our own"
            )
        if self.circuit_breaker_open_max < self.circuit_breaker_half_open_timeout:
            raise ValueError(
                "CIRCUIT_BREAKER_OPEN_MAX: is shorter than CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT; "
                f"set it to {self.circuit_breaker_half_open_timeout:g} s or more"
            )
        return self

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Read and check the settings; `given` (field names) stands above the environment.

        Raises:
            SettingsError: one line a problem, without the values.
        """
        if strange := given.keys() - cls.model_fields.keys():
            raise TypeError(f"no such settings: {', '.join(sorted(strange))}")
        try:
            return cls(**{**given_texts(cls.model_fields), **given})
        except ValidationError as error:
            problems = [
                problem_line(detail, cls.model_fields)
                for detail in error.errors(include_url=False, include_input=False)
            ]
        except UnicodeDecodeError:
            problems = [".env: is not UTF-8; save it as UTF-8"]
        except OSError as error:
            problems = [f".env: cannot be read ({type(error).__name__}); check its permissions"]
        raise SettingsError(problems)

    def environment(self) -> dict[str, str]:
        """Return the environment for a child process, so that it loads these very settings. Holds secrets."""
        texts = dict(self._texts())
        bare = {field.upper(): text for field, text in texts.items()}
        named = {prefixed(field): text for field, text in texts.items()}  # they win over an .env that the child reads
        return {**os.environ, **bare, **named}  # noqa: TID251 - this file is the one reader

    @classmethod
    def misspelt(cls) -> list[str]:
        """Name what the environment or .env has that is a slip of the pen, one line each."""
        return slips(cls.model_fields)

    @staticmethod
    def sends_traces() -> bool:
        """Return whether OpenTelemetry's own variables name a collector; its SDK reads the environment, and no .env."""
        given = os.environ  # noqa: TID251 - this file is the one reader
        if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return False
        return bool(given.get("OTEL_EXPORTER_OTLP_ENDPOINT") or given.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))

    def _texts(self) -> Iterator[tuple[str, str]]:
        for field in type(self).model_fields:
            value = getattr(self, field)
            yield field, "" if value is None else text_of(value)
