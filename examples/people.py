# ruff: noqa: INP001 - a folder of examples, not a package
"""Invent the people who book: names that nobody has, addresses and numbers that reach nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

# Language, time zone, family name (the word for "example"), its ASCII spelling, first names with theirs.
_FAMILIES = (
    ("en", "Europe/London", "Example", "example", "Ada:ada Basil:basil Cleo:cleo Dot:dot Earl:earl Fern:fern"),
    ("de", "Europe/Berlin", "Beispiel", "beispiel", "Jörg:joerg Käthe:kaethe Änne:aenne Günther:guenther Heß:hess"),
    ("en", "America/New_York", "Sample", "sample", "Gus:gus Hattie:hattie Ike:ike Juno:juno Kit:kit"),
    ("fr", "Europe/Paris", "Exemple", "exemple", "Chloé:chloe François:francois Zoë:zoe Gaël:gael"),
    ("es", "America/Mexico_City", "Ejemplo", "ejemplo", "José:jose Íñigo:inigo Begoña:begona Saúl:saul"),
    ("pl", "Europe/Warsaw", "Przykład", "przyklad", "Łukasz:lukasz Małgorzata:malgorzata Zdzisława:zdzislawa"),
    ("tr", "Europe/Istanbul", "Örnek", "ornek", "Çağla:cagla İpek:ipek Ümit:umit"),
    ("pt-BR", "America/Sao_Paulo", "Exemplo", "exemplo", "João:joao Conceição:conceicao"),
    ("ja", "Asia/Tokyo", "例", "rei", "太郎:taro 花子:hanako"),
    ("ar", "Africa/Cairo", "مثال", "mithal", "ليلى:layla سامي:sami"),
    ("vi", "Asia/Ho_Chi_Minh", "Thí-Dụ", "thidu", "Nguyễn:nguyen Thử:thu"),
    ("zh-CN", "Asia/Shanghai", "样本", "yangben", "小明:xiaoming"),
)
# A winter's offset, to write some starts with: an offset makes an instant, whatever the zone's rules will be by then.
OFFSETS = {
    "Europe/Berlin": 1,
    "Europe/Paris": 1,
    "Europe/Warsaw": 1,
    "America/New_York": -5,
    "America/Mexico_City": -6,
    "Asia/Tokyo": 9,
    "America/Sao_Paulo": -3,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who books; `number` makes the address one of its own."""

    number: int
    name: str
    local: str
    time_zone: str
    language: str

    @property
    def email(self) -> str:
        """Return an address; every sixth has a plus."""
        tag = "+visits" if self.number % 6 == 0 else ""
        return f"{self.local}.{self.number:03d}{tag}@example.{'org' if self.number % 4 == 0 else 'com'}"

    @property
    def phone(self) -> str:
        """Return one of the numbers that are kept for fiction, written as people write them."""
        if self.time_zone == "Europe/London":
            return f"+44 20 7946 0{self.number % 1000:03d}"
        return f"+1 202 555 01{self.number % 100:02d}"

    def attendee(self, *, email: bool = True, phone: bool = False) -> dict[str, Any]:
        """Return what a line says of the attendee; every fifth gives no language."""
        who: dict[str, Any] = {"name": self.name}
        if email:
            who["email"] = self.email
        if phone:
            who["phone_number"] = self.phone
        who["time_zone"] = self.time_zone
        if self.number % 5:
            who["language"] = self.language
        return who


def everybody() -> Iterator[Person]:
    """Yield people without end, each another one, the languages taking turns."""
    families = cycle(_FAMILIES)
    for number in count(1):
        language, zone, family, ascii_family, firsts = next(families)
        pairs = [pair.split(":") for pair in firsts.split()]
        first, ascii_first = pairs[number // len(_FAMILIES) % len(pairs)]
        name = f"{family} {first}" if language in {"ja", "zh-CN"} else f"{first} {family}"
        yield Person(number, name, f"{ascii_first}.{ascii_family}", zone, language)
