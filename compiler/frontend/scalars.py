"""What a plain scalar is: as kubectl reads it (YAML 1.1 as goyaml.v2 resolves it), not as PyYAML does."""

from __future__ import annotations

import re

NULL, BOOL, INT, FLOAT, STRING = "NULL", "BOOL", "INT", "FLOAT", "STRING"

WORDS: dict[str, tuple[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, None)),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), (BOOL, True)),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), (BOOL, False)),
}
"""The plain scalars that are no strings though they are words: their types and values."""

_NUMBER_START = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 64

Scalar = str | int | bool | float | None


def resolve(text: str) -> tuple[str, Scalar]:
    """The type and the value of a plain scalar: `0644` is 420, `yes` is true, `12:30` and dates are strings.

    >>> resolve("8080"), resolve("0x1f"), resolve("on"), resolve("2001-01-01"), resolve("1e3")
    (('INT', 8080), ('INT', 31), ('BOOL', True), ('STRING', '2001-01-01'), ('INT', 1000))
    """
    word = WORDS.get(text)
    if word is not None:
        return word
    if text[0] not in _NUMBER_START or len(text) > _LONGEST_NUMBER:
        return STRING, text
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        return INT, _integer(digits)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        # kubectl turns YAML into JSON first, and Go prints a whole float64 without a fraction.
        return (INT, int(number)) if number.is_integer() and abs(number) < 1e21 else (FLOAT, number)
    if _SPECIAL_FLOAT.fullmatch(text):
        return FLOAT, float(text.replace(".", ""))
    return STRING, text


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    body = digits.lstrip("+-")
    if body[0] == "0" and len(body) > 1 and body[1] in "01234567":
        return sign * int(body, 8)
    return sign * int(body, 0)
