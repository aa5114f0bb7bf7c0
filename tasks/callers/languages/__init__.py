"""The languages in which callers are told how things stand: one file each, with all sentences and the words of a time.

Each file has the same tables and keys: tests hold each sentence to its length, its placeholders, and its opposite.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de", "es", "fr", "it", "nl", "pt")
ACCEPTED = f"{', '.join(LANGUAGES)}, or such a one with a region, as in en-US"
TAGS = f"^({'|'.join(LANGUAGES)})(-[A-Z]{{2}})?$"
K = TypeVar("K", bound=StrEnum)


class SpokenTime(NamedTuple):
    """Say how a language writes a time: Babel's locale, and the patterns of a day with its time and of a time alone."""

    locale: str
    pattern: str
    clock: str


_FILES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {language: tomllib.loads((files(__package__) / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES}
)
OR: Mapping[str, str] = MappingProxyType({language: written["or"] for language, written in _FILES.items()})


def sentences(table: str, keys: type[K]) -> Mapping[str, Mapping[K, str]]:
    """Return the sentences of a table in each language.

    KeyError when one is missing.
    """
    return MappingProxyType(
        {language: MappingProxyType({key: written[table][key] for key in keys}) for language, written in _FILES.items()}
    )


def is_known(tag: str) -> bool:
    """Return whether there are sentences for a tag: one of `ACCEPTED`."""
    return re.fullmatch(TAGS, tag, re.ASCII) is not None


def language_of(tag: str | None) -> str:
    """Return the language of the sentences for a tag as pt-BR: English where there are none of it."""
    known = (tag or ENGLISH).partition("-")[0]
    return known if known in _FILES else ENGLISH


def time_of(tag: str | None, time_zone: str) -> SpokenTime:
    """Return how a time is written for a tag, of its region or, where it names none, of the zone's."""
    written = _FILES[language_of(tag)]["time"]
    region = (tag or ENGLISH).partition("-")[2] or _region_of(time_zone)
    return SpokenTime(**{name: (written.get(region) or written)[name] for name in SpokenTime._fields})


def _region_of(time_zone: str) -> str | None:
    from babel.core import get_global  # noqa: PLC0415 - of the extra http

    region: str | None = get_global("zone_territories").get(time_zone)
    return region
