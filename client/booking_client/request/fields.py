"""The types of a booking request's fields: each accepts the values that Cal.com stores unchanged, and normalises them.

No error message repeats the refused value: it may be a person's name, address or number.
"""

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# docs/calcom.md: the languages of an attendee, in the spelling that Cal.com wants.
# fmt: off
LANGUAGES = frozenset({
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "es-419", "et", "eu", "fi", "fr", "he", "hr",
    "hu", "id", "it", "iw", "ja", "km", "ko", "lv", "nl", "no", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sr", "sv",
    "ta", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
})
# fmt: on
MAX_KEY = 200  # characters of an idempotency key
MAX_REASON = 500  # characters of what Cal.com tells the attendee of a change
MAX_EMAIL = 254  # RFC 5321; Cal.com's limit too
MAX_LOCAL = 64  # before the @
MAX_EVENT_TYPE = 2**31 - 1

_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they reverse the text around them: no name has them
# Cal.com's own check of an address is narrower than the standard (docs/calcom.md): ASCII only, few punctuation marks,
# a last label of letters.
# Patterns are compiled when the first request comes, and kept by `re`: an import need not wait for them.
_CALCOM_EMAIL = r"[a-z0-9_+.'-]*[a-z0-9_+'-]@(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,}"
_PLAIN_LOCAL = r"[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*"  # what no library has to look at
_PHONE = r"\+[0-9 ()./-]{5,40}"


class Strict(BaseModel):
    """Refuse unknown fields and converted values: "1" and true are no numbers."""

    # A model that only others have as a field needs no validator of its own: theirs has it.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


def storable(text: str) -> str:
    """Return `text` if PostgreSQL and UTF-8 can hold it, else refuse it (NUL, lone surrogates)."""
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("must not hold half of a surrogate pair")
    return text


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 units: so JavaScript counts, and therefore Cal.com."""
    return len(text) + sum(char > "\uffff" for char in text)


def one_line(text: str) -> str:
    """Return `text` in NFC without outer spaces; refuse blank text and control characters."""
    text = unicodedata.normalize("NFC", storable(text)).strip()
    if not any(unicodedata.category(char)[0] in "LNPS" for char in text):
        raise ValueError("must not be blank")
    if any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} or char in _BIDI for char in text):
        raise ValueError("must not hold control characters")
    return text


def email(text: str) -> str:
    """Return the address in lower case and ASCII: Cal.com's list filter compares it byte for byte."""
    text = storable(text).strip()
    if len(text) > MAX_EMAIL * 4:  # a long text costs the parser seconds
        raise ValueError("is too long for an e-mail address")
    address = _in_ascii(text).lower()
    if not re.fullmatch(_CALCOM_EMAIL, address, re.ASCII):
        raise ValueError("is an e-mail address that Cal.com does not accept (letters a-z, digits and _ + - . ' only)")
    return address


def _in_ascii(text: str) -> str:
    """Return an address in ASCII, else refuse it; where nothing is unusual before the @, by its domain."""
    local, _, domain = text.partition("@")
    plain = len(text) <= MAX_EMAIL and text.isascii() and len(local) <= MAX_LOCAL and "--" not in domain
    if plain and re.fullmatch(_PLAIN_LOCAL, local, re.ASCII):
        return f"{local}@{_domain(domain)}"
    return _checked(text)


@lru_cache(maxsize=1_000)
def _domain(domain: str) -> str:
    """Return the domain of an address as the library does: three quarters of the time that a request's check took."""
    return _checked(f"a@{domain}").removeprefix("a@")


def _checked(text: str) -> str:
    """Return an address as the library has it in ASCII, else refuse it."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - a tenth of the package's import

    try:
        # test_environment lets example.test pass, as Cal.com does; strict: at most MAX_LOCAL characters before the @.
        known = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        raise ValueError("is not a valid e-mail address") from None
    return known.ascii_email or ""


def phone(text: str) -> str:
    """Return the number as E.164, as in +12025550143."""
    text = storable(text).strip()
    if not text.startswith("+"):
        raise ValueError("must be in international format, as in +1 202 555 0143")
    if not re.fullmatch(_PHONE, text, re.ASCII):
        raise ValueError("is not a phone number: digits only, after a +")
    import phonenumbers  # noqa: PLC0415 - a large library, and few requests have a number

    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise ValueError("is not a phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("is not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@cache
def zones() -> frozenset[str]:
    """Return the IANA zones of zones.txt: the same on every machine, without the system's own additions."""
    names = files(__package__).joinpath("zones.txt").read_text("utf-8").split()
    return frozenset(names) - {"Factory", "localtime", "posixrules"}


def time_zone(text: str) -> str:
    """Return `text` if it is the exact name of an IANA time zone, else refuse it."""
    if text in zones():
        return text
    wanted = text.strip().lower().replace(" ", "_")
    for name in zones():
        if name.lower() == wanted:
            raise ValueError(f"is not a time zone: did you mean {name}?")
    raise ValueError("is not a time zone: write an IANA name, as in Europe/Berlin")


def language(text: str) -> str:
    """Return `text` if it is a language code of Cal.com, else refuse it."""
    if text in LANGUAGES:
        return text
    for known in LANGUAGES:
        if known.lower() == text.strip().lower().replace("_", "-"):
            raise ValueError(f"is not a language of Cal.com: did you mean {known}?")
    raise ValueError("is not a language of Cal.com: write a code such as en, de or pt-BR")


def slug(text: str) -> str:
    """Return `text` if it can be part of a booking page's address, else refuse it."""
    if not text.isprintable() or any(char.isspace() or char in "/|?#" for char in text):
        raise ValueError("must not hold spaces, control characters or any of / | ? #")
    return storable(text)


def printable(text: str) -> str:
    """Return `text` if it is printable on one line, not blank, and without outer spaces, else refuse it."""
    if not text.isprintable():
        raise ValueError("must hold printable characters only")
    if text != text.strip() or not text:
        raise ValueError("must not be blank, begin or end with a space")
    return text


def key(text: str) -> str:
    """Return a printable idempotency key in NFC, so that both Unicode forms of `é` are the same key."""
    return unicodedata.normalize("NFC", printable(text))


def event_type(text: str) -> int:
    """Return the id of an event type that is written in digits, else refuse it."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) <= MAX_EVENT_TYPE:
        return int(text)
    raise ValueError("must be the id of an event type")


def account(text: str) -> str:
    """Return `text` if it can be the name of an account, else refuse it."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text, re.ASCII):
        raise ValueError("must be a name of a-z, 0-9 and -, of at most 63 characters")
    return text


EventTypeId = Annotated[int, Field(ge=1, le=MAX_EVENT_TYPE)]
Name = Annotated[str, Field(max_length=500), AfterValidator(one_line)]
Email = Annotated[str, AfterValidator(email)]
Phone = Annotated[str, AfterValidator(phone)]
Zone = Annotated[str, AfterValidator(time_zone)]
Language = Annotated[str, AfterValidator(language)]
Slug = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(slug)]
Line = Annotated[str, Field(max_length=500), AfterValidator(one_line)]
IdempotencyKey = Annotated[str, Field(max_length=MAX_KEY), AfterValidator(key)]
# This id is part of log lines, message headers and Cal.com's metadata: no character has to be quoted in any of these.
CorrelationId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$")]
AccountName = Annotated[str, AfterValidator(account)]
