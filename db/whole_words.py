r"""Regular expressions of PostgreSQL that find a whole word in text and in JSON, whatever the database's locale is.

In the locale C, which the embedded server has, `lower`, `~*` and `\W` know the letters a to z alone. So each form of a
letter is written out here, and nothing is left to the server: both cases, composed or not, and as JSON escapes it.
"""

import re
import sys
import unicodedata
from collections import defaultdict
from functools import cache

# Letters and marks of the alphabets whose words have blanks between them; all others end a word.
_LETTERS = "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff"
_ESCAPED = r"\\[bfnrt]|\\u[0-9a-fA-F]{4}"  # what JSON writes for a character that a word may follow
_BLANK = "(?:[ \t\n\r\u00a0]|\\\\[nrt])+"
_WITHIN_NUMBERS = "[ ()./\u00a0-]*"


def whole_word(word: str) -> str:
    """Return the expression for an address, a number (digits, perhaps after a +) or a name.

    spat@example.com is another person's than pat@example.com. A number may have blanks, brackets, dots, slashes and
    hyphens between its digits. Lookarounds would take five times as long.
    """
    before, after = f"[^0-9_{_LETTERS}]", f"([^0-9_{_LETTERS}]|$)"
    if "@" in word:
        before, after = f"[^0-9_+.{_LETTERS}-]", f"[.-]*([^0-9.{_LETTERS}-]|$)"
    found = "".join(_BLANK if part.isspace() else _character(part) for part in _characters(word))
    if word.removeprefix("+").isdecimal():
        before, after = "[^0-9]", "([^0-9]|$)"
        found = _WITHIN_NUMBERS.join(map(re.escape, word))
    return f"(^|{before}|{_ESCAPED}){found}{after}"


def _characters(word: str) -> list[str]:
    return list(re.sub(r"\s+", " ", unicodedata.normalize("NFC", word)))


def _character(char: str) -> str:
    """Return the expression for a character in each of its forms."""
    folded = char.casefold()
    same = {char, *_same_case()[folded]} | ({folded} if len(folded) == 1 else set())
    forms = sorted(same | {unicodedata.normalize("NFD", one) for one in same})
    found = ["".join(map(_written, form)) for form in forms]
    if len(folded) > 1:  # the ß is SS, too
        found.append("".join(map(_character, folded)))
    return f"(?:{'|'.join(found)})"


def _written(char: str) -> str:
    """Return the expression for a code point as text has it, and as JSON does, also within a string of JSON."""
    if char.isascii() and char.isalnum():
        return char
    plain = (r"\\+" if char == "\\" else r"\\*" + re.escape(char)) if char in '"\\/' else re.escape(char)
    units = char.encode("utf-16-be").hex()
    escape = "".join(rf"\\+u{''.join(map(_digit, units[at : at + 4]))}" for at in range(0, len(units), 4))
    return f"(?:{plain}|{escape})"


def _digit(digit: str) -> str:
    return digit if digit.isdecimal() else f"[{digit}{digit.upper()}]"


@cache
def _same_case() -> dict[str, list[str]]:
    """Return all characters that are the same but for their case, by what Unicode folds them to."""
    same = defaultdict[str, list[str]](list)
    for char in map(chr, range(sys.maxunicode + 1)):
        if (folded := char.casefold()) != char:
            same[folded].append(char)
    return same
