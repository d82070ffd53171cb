"""Numbers, durations and quoting as Go reads and prints them: CoreDNS's errors quote Go's."""

from __future__ import annotations

import re
from fractions import Fraction


class ValueProblem(Exception):
    """A value that Go's strconv or time package refuses, in its words."""


_DIGITS = {2: "[01]", 8: "[0-7]", 10: "[0-9]", 16: "[0-9a-fA-F]"}
_PREFIXES = {"0b": 2, "0o": 8, "0x": 16}
MAX_INT64 = (1 << 63) - 1


def atoi(text: str) -> int:
    """strconv.Atoi: a decimal number of 64 bits, with a sign if any."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise _invalid("Atoi", text)
    number = _int(text)
    if not -MAX_INT64 - 1 <= number <= MAX_INT64:
        raise _out_of_range("Atoi", text)
    return number


def parse_int(text: str, bits: int) -> int:
    """strconv.ParseInt(text, 10, bits)."""
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise _invalid("ParseInt", text)
    number = _int(text)
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise _out_of_range("ParseInt", text)
    return number


def parse_uint(text: str, bits: int, base: int = 10) -> int:
    """strconv.ParseUint. With base 0 the prefixes 0b, 0o, 0x, a leading 0, and underscores between digits count."""
    digits, radix = text, base
    if base == 0:
        radix = _PREFIXES.get(text[:2].lower(), 8 if text.startswith("0") and len(text) > 1 else 10)
        body = text[2:] if text[:2].lower() in _PREFIXES else text[1:] if radix == 8 else text
        # An underscore may also stand between the prefix and the first digit.
        if "_" in text and not re.fullmatch(r"_?[0-9a-fA-F]+(_[0-9a-fA-F]+)*", body if body != text else f"0{body}"):
            raise _invalid("ParseUint", text)
        digits = body.replace("_", "")
    if not re.fullmatch(f"{_DIGITS[radix]}+", digits):
        raise _invalid("ParseUint", text)
    number = int(digits, radix) if len(digits) < 100 else 1 << bits
    if number >= 1 << bits:
        raise _out_of_range("ParseUint", text)
    return number


def parse_float(text: str) -> float:
    """strconv.ParseFloat(text, 64), without hexadecimal floats."""
    if re.fullmatch(r"[+-]?(inf|infinity|nan)", text, re.IGNORECASE):
        return float(text)
    if not re.fullmatch(r"[+-]?([0-9]+(_?[0-9]+)*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) or "_" in text:
        raise _invalid("ParseFloat", text)
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _out_of_range("ParseFloat", text)
    return number


def parse_bool(text: str) -> bool:
    """strconv.ParseBool."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise _invalid("ParseBool", text)


_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
SECOND = _UNITS["s"]
_DURATION_PART = re.compile(r"([0-9]*)(\.([0-9]*))?([^.0-9]*)")


def parse_duration(text: str) -> int:
    """time.ParseDuration, in nanoseconds: `300ms`, `-1.5h`, `2h45m`; a unit is needed except after 0."""
    position = int(text.startswith(("-", "+")))
    if text[position:] == "0":
        return 0
    if position == len(text):
        raise ValueProblem(f"time: invalid duration {quote(text)}")
    total = 0
    while position < len(text):
        match = _DURATION_PART.match(text, position)
        assert match
        whole, fraction, unit = match[1], match[3] or "", match[4]
        if not (whole or fraction):
            raise ValueProblem(f"time: invalid duration {quote(text)}")
        if not unit:
            raise ValueProblem(f"time: missing unit in duration {quote(text)}")
        if unit not in _UNITS:
            raise ValueProblem(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        if len(whole) > 19:
            raise ValueProblem(f"time: invalid duration {quote(text)}")
        total += int(whole or "0") * _UNITS[unit]
        if fraction:
            # Digits past nanoseconds make no difference.
            total += int(Fraction(int(fraction[:18]), 10 ** len(fraction[:18])) * _UNITS[unit])
        # -2^63 can be written, +2^63 cannot.
        if total > MAX_INT64 + text.startswith("-"):
            raise ValueProblem(f"time: invalid duration {quote(text)}")
        position = match.end()
    return -total if text.startswith("-") else total


def value_hint(problem: str, text: str) -> str:
    """What to write instead of a value that is refused."""
    if problem.startswith("time: missing unit"):
        return f"write {text}s for seconds"
    if problem.startswith("time: "):
        return "write a duration such as 30s, 5m or 1h30m"
    if problem.startswith(("strconv.Atoi", "strconv.ParseUint", "strconv.ParseInt")):
        try:
            seconds = parse_duration(text) / SECOND
        except ValueProblem:
            return "write a whole number" if problem.endswith("invalid syntax") else ""
        return f"write a number without a unit: {seconds:g} if seconds are meant"
    return ""


def format_duration(nanoseconds: int) -> str:
    """time.Duration.String: `1h0m0s`, `1.5s`, `100ms`."""
    amount, sign = abs(nanoseconds), "-" if nanoseconds < 0 else ""
    if amount < SECOND:
        if amount == 0:
            return "0s"
        unit = "ns" if amount < 1_000 else "µs" if amount < 1_000_000 else "ms"
        return f"{sign}{_decimal(amount, _UNITS[unit])}{unit}"
    minutes, rest = divmod(amount, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def quote(text: str) -> str:
    """strconv.Quote."""
    return f'"{"".join(_quoted(c) for c in text)}"'


def quote_rune(character: str) -> str:
    """%q of a byte: `'0'`."""
    return "'" + (character if character not in "'\\" else f"\\{character}") + "'"


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES |= {'"': '\\"', "\\": "\\\\"}


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _decimal(amount: int, unit: int) -> str:
    whole, part = divmod(amount, unit)
    digits = f"{part:0{len(str(unit)) - 1}d}".rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _int(text: str) -> int:
    # Numbers of any length must not take time: whatever is longer is out of range anyway.
    return int(text) if len(text) < 100 else 1 << 70


def _invalid(function: str, text: str) -> ValueProblem:
    return ValueProblem(f"strconv.{function}: parsing {quote(text)}: invalid syntax")


def _out_of_range(function: str, text: str) -> ValueProblem:
    return ValueProblem(f"strconv.{function}: parsing {quote(text)}: value out of range")
