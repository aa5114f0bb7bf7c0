"""The texts of the settings, by their names in the environment and in .env."""

import os
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from dotenv import dotenv_values

OWN = "BOOKING_"
_BROKER, _REDIS = "celery_broker_url", "redis_url"
_NEVER = "audit_hour"  # the one setting that means something by being empty


def prefixed(field: str) -> str:
    """Return the name of a setting that no host application uses for itself."""
    return field.upper() if field.startswith(OWN.lower()) else OWN + field.upper()


def given_texts(fields: Collection[str]) -> dict[str, Any]:
    """Return the texts of these settings, from the environment and, where it gives none, from .env.

    A name with our prefix wins, wherever it stands. If its text is empty, the setting has its default, and the bare
    name, which may be the host's, is not read. Any other empty text counts as not given, but for AUDIT_HOUR: None.
    Beside a BOOKING_REDIS_URL a bare CELERY_BROKER_URL is the host's: our messages would wait in its broker for ever.
    """
    file, environment = dotenv_values(".env", encoding="utf-8"), os.environ  # noqa: TID251 - the one reader of settings
    sources = [{name.lower(): text or "" for name, text in texts.items()} for texts in (environment, file)]
    given: dict[str, Any] = {}
    for field in fields:
        own = prefixed(field).lower()
        hosts = field == _BROKER and any(source.get(prefixed(_REDIS).lower()) for source in sources)
        for name in (own,) if hosts else (own, field):
            texts = [source[name] for source in sources if name in source]
            text = next(filter(None, texts), "") if name == field != _NEVER else "".join(texts[:1])
            if text or (texts and field == _NEVER):
                given[field] = text or None
            if texts:
                break
    return given


def slips(fields: Collection[str]) -> list[str]:
    """Name what the environment or .env has that is nearly the name of one of these settings, one line each."""
    names = [field.upper() for field in fields]
    file = dotenv_values(".env", encoding="utf-8", interpolate=False)
    found = sorted({name.upper() for name in (*os.environ, *file)} - set(names))  # noqa: TID251 - the one reader
    found = [name for name in found if not name.startswith(OWN)]  # ours, or something of the host's
    close = ((name, get_close_matches(name, names, n=1, cutoff=0.88)) for name in found)
    return [f"{name}: is no setting; did you mean {meant[0]}?" for name, meant in close if meant]
