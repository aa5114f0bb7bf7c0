"""The time zone that a model means: by its IANA name, a city, or an abbreviation that is in force then.

An abbreviation is a guess of the model's ("EST" in June is an hour off), so one that its zone does not use at that time
says nothing, as does an offset. Of two cities of one name neither is meant.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from booking_client.request.fields import zones
from tasks.callers.languages import LANGUAGES

_OFFSET = re.compile(r"(?:utc|gmt)? ?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)
_REGIONS = frozenset({"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"})
_BY_ZONE: Mapping[str, str] = MappingProxyType(
    {
        "America/New_York": "EST EDT",
        "America/Denver": "MST MDT",
        "America/Los_Angeles": "PST PDT",
        "America/Chicago": "CDT",  # CST is China's and Cuba's, too
        "America/Anchorage": "AKST AKDT",
        "Pacific/Honolulu": "HST",
        "Europe/London": "GMT BST",
        "Europe/Berlin": "CET CEST",
        "Europe/Athens": "EET EEST",
        "Europe/Lisbon": "WET WEST",
        "Australia/Sydney": "AEST AEDT",
        "Asia/Tokyo": "JST",
    }
)
_ABBREVIATIONS: Mapping[str, str] = MappingProxyType(
    {name: zone for zone, names in _BY_ZONE.items() for name in names.split()}
    | dict.fromkeys(("CST", "IST", "MET"), "")
)
# Cities of more than half a million without a zone of their own, and those whose name is written otherwise there.
_CITIES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "America/New_York": (
            "Atlanta",
            "Baltimore",
            "Boston",
            "Charlotte",
            "Cleveland",
            "Jacksonville",
            "Miami",
            "New York City",
            "Orlando",
            "Philadelphia",
            "Pittsburgh",
            "Tampa",
            "Washington DC",
        ),
        "America/Chicago": (
            "Austin",
            "Dallas",
            "Fort Worth",
            "Houston",
            "Kansas City",
            "Memphis",
            "Milwaukee",
            "Minneapolis",
            "Nashville",
            "New Orleans",
            "Oklahoma City",
            "San Antonio",
            "Saint Louis",
            "St. Louis",
        ),
        "America/Denver": ("Albuquerque", "Colorado Springs", "Salt Lake City"),
        "America/Los_Angeles": ("Las Vegas", "Sacramento", "San Diego", "San Francisco", "Seattle"),
        "America/Toronto": ("Ottawa", "Quebec City"),
        "America/Edmonton": ("Calgary",),
        "Europe/Berlin": (
            "Bremen",
            "Cologne",
            "Dortmund",
            "Dresden",
            "Düsseldorf",
            "Frankfurt",
            "Hamburg",
            "Hannover",
            "Köln",
            "Leipzig",
            "Munich",
            "München",
            "Nuremberg",
            "Nürnberg",
            "Stuttgart",
        ),
        "Europe/Vienna": ("Graz", "Linz", "Salzburg"),
        "Europe/Zurich": ("Basel", "Bern", "Geneva", "Genf"),
        "Europe/London": ("Belfast", "Bristol", "Cardiff", "Edinburgh", "Glasgow", "Leeds", "Liverpool", "Sheffield"),
        "Europe/Paris": ("Bordeaux", "Lyon", "Marseille", "Nantes", "Strasbourg", "Toulouse"),
        "Europe/Madrid": ("Barcelona", "Bilbao", "Córdoba", "Málaga", "Sevilla", "Seville"),
        "Europe/Rome": ("Bologna", "Florence", "Milan", "Milano", "Napoli", "Roma", "Torino", "Turin"),
        "Europe/Amsterdam": ("Rotterdam", "The Hague", "Utrecht"),
        "Europe/Lisbon": ("Porto", "Santarém"),
        "Europe/Warsaw": ("Gdansk", "Krakow", "Lodz", "Poznan", "Wroclaw"),
        "Asia/Kolkata": ("Bangalore", "Bengaluru", "Chennai", "Delhi", "Mumbai", "New Delhi"),
        "Asia/Shanghai": ("Beijing", "Guangzhou", "Shenzhen"),
        "Asia/Tokyo": ("Kyoto", "Osaka"),
        "America/Sao_Paulo": ("Brasilia", "Rio de Janeiro"),
        "America/Puerto_Rico": ("San Juan",),
        "America/Argentina/San_Juan": ("San Juan",),
    }
)


def zone_of(text: str, at: datetime, own: ZoneInfo | None) -> ZoneInfo | None:
    """Return the zone that a text means at a local time; None: it says nothing that is safe.

    `own` is the zone of the place: its own city and its own abbreviation mean it.
    """
    wanted = _plain(text)
    if own is not None and (
        wanted in {_plain(_city(own.key)), _plain(own.tzname(at) or "")} or _offset(wanted) == own.utcoffset(at)
    ):
        return own
    abbreviation = wanted.upper()
    if abbreviation in _ABBREVIATIONS:
        zone = _ABBREVIATIONS[abbreviation]
        return ZoneInfo(zone) if zone and ZoneInfo(zone).tzname(at) == abbreviation else None
    name = _names().get(wanted) or _cities().get(wanted)
    return None if name is None else ZoneInfo(name)


@cache
def _names() -> Mapping[str, str]:
    """Return the zones by their plain names; those of a fixed offset are none that a person has."""
    return {_plain(name): name for name in zones() if not name.startswith("Etc/") or name == "Etc/UTC"}


@cache
def _cities() -> Mapping[str, str]:
    from babel import Locale  # noqa: PLC0415 - of the extra http

    found = defaultdict[str, set[str]](set)
    for name in zones():
        region, _, city = name.partition("/")
        if region in _REGIONS and "/" not in city:
            found[_plain(city)].add(name)
    for language in LANGUAGES:
        for name, told in Locale.parse(language).time_zones.items():
            if name in zones() and "city" in told:
                found[_plain(told["city"])].add(name)
    for name, cities in _CITIES.items():
        for city in cities:
            found[_plain(city)].add(name)
    return {city: min(names) for city, names in found.items() if _are_one(names)}


def _are_one(names: Iterable[str]) -> bool:
    """Return whether names are of the same place: their clocks agree all through a year."""
    days = [datetime(2030, month, 1) for month in range(1, 13)]  # noqa: DTZ001 - local times
    return len({tuple(day.replace(tzinfo=ZoneInfo(name)).utcoffset() for day in days) for name in names}) == 1


def _offset(text: str) -> timedelta | None:
    read = _OFFSET.fullmatch(text)
    if read is None:
        return None
    return (1 if read[1] == "+" else -1) * timedelta(hours=int(read[2]), minutes=int(read[3] or 0))


def _city(zone: str) -> str:
    return zone.rpartition("/")[2]


def _plain(text: str) -> str:
    """Return a name without accents, cases and underlines."""
    letters = (char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join("".join(letters).casefold().replace("_", " ").split())
