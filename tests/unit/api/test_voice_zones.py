"""The zone that a model means: a city of one zone, an abbreviation that is in force, and nothing that is a guess."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from worker.api.voice.zones import zone_of

WINTER, SUMMER = datetime(2030, 1, 10, 10), datetime(2030, 6, 10, 10)  # noqa: DTZ001 - local times
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("America/New_York", "America/New_York"), ("america/new york", "America/New_York"), ("UTC", "UTC"),
        ("US/Eastern", "US/Eastern"), ("New York", "America/New_York"), ("berlin", "Europe/Berlin"),
        ("São Paulo", "America/Sao_Paulo"), ("SAO PAULO", "America/Sao_Paulo"), ("Wien", "Europe/Vienna"),
        ("San Francisco", "America/Los_Angeles"), ("München", "Europe/Berlin"), ("munich", "Europe/Berlin"),
        ("EDT", "America/New_York"), ("CEST", "Europe/Berlin"), ("BST", "Europe/London"), ("+02:00", "Europe/Berlin"),
        ("GMT+2", "Europe/Berlin"),
        ("EST", None), ("PST", None), ("CET", None), ("GMT", None), ("CST", None), ("MET", None), ("Etc/GMT+5", None),
        ("UTC-5", None), ("+01:00", None), ("Springfield", None), ("Córdoba", None), ("San Juan", None),
        ("Santarém", None), ("Mars", None), ("", None), ("next to you", None),
    ],
)  # fmt: skip
def test_a_zone_is_read_in_summer(text: str, zone: str | None) -> None:
    """By its name, by one city, or as the place's own; a winter's abbreviation is an hour off."""
    read = zone_of(text, SUMMER, BERLIN)

    assert (None if read is None else read.key) == zone


@pytest.mark.parametrize(
    ("text", "zone"),
    [("EST", "America/New_York"), ("CET", "Europe/Berlin"), ("GMT", "Europe/London"), ("EDT", None), ("CST", None)],
)
def test_an_abbreviation_means_its_zone_while_it_is_in_force(text: str, zone: str | None) -> None:
    """One of several zones means none of them."""
    read = zone_of(text, WINTER, None)

    assert (None if read is None else read.key) == zone


def test_the_places_own_abbreviation_means_the_place() -> None:
    """Though it is another country's, too."""
    chicago = ZoneInfo("America/Chicago")

    assert zone_of("CST", WINTER, chicago) == chicago
    assert zone_of("CST", SUMMER, chicago) is None
