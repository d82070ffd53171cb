"""The functions of Go's text/template, and fmt's verbs, for the values that templates of records see."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from kcompile.evaluate.dns.chain import Unknown

Value = object

_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")
_NOT_EVALUATED = re.compile(r"%[-+# 0-9.]*[][*TUpOEFG]")
MAX_WIDTH = 1000


def printed(value: Value) -> str:
    """As fmt's %v prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    if isinstance(value, float):
        return _shortest(value)
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{printed(key)}:{printed(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return "[" + " ".join(map(printed, value)) + "]"
    if isinstance(value, (str, int)):
        return str(value)
    raise Unknown("a structure as text in a template is not evaluated")


def _shortest(value: float) -> str:
    """As few digits as tell the number from all others, with an exponent from a million on."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + exponent - 1
    if value == 0 or -4 <= power < 6:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa = shown[0] + (f".{shown[1:]}" if len(shown) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{power:+03d}"


def _printf(layout: Value, *values: Value) -> str:
    if not isinstance(layout, str):
        raise TypeError("the format is no string")
    if _NOT_EVALUATED.search(layout):
        raise Unknown(f"the format {layout!r} of a template is not evaluated")
    rest = list(values)

    def verb(match: re.Match[str]) -> str:
        flags, width, precision, letter = match.groups()
        if letter == "%":
            return "%"
        if not rest:
            return f"%!{letter}(MISSING)"
        text = _formatted(letter, rest.pop(0), flags, precision)
        return _padded(text, flags, min(int(width or 0), MAX_WIDTH), letter)

    text = _VERB.sub(verb, layout)
    if rest:
        text += "%!(EXTRA " + ", ".join(f"{_type(value)}={printed(value)}" for value in rest) + ")"
    return text


def _formatted(letter: str, value: Value, flags: str, precision: str | None) -> str:
    if isinstance(value, (tuple, list)) and letter != "v":
        return "[" + " ".join(_formatted(letter, item, flags, precision) for item in value) + "]"
    if value is None:
        return "<nil>" if letter == "v" else f"%!{letter}(<nil>)"
    number = isinstance(value, int) and not isinstance(value, bool)
    if letter in "dxXobc" and number:
        assert isinstance(value, int)
        prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(letter, "") if "#" in flags else ""
        sign = "-" if value < 0 else "+" if "+" in flags else ""
        if letter == "c":
            return chr(value)
        return sign + prefix + format(abs(value), "d" if letter == "d" else letter)
    if letter in "sv" and (isinstance(value, str) or letter == "v"):
        text = printed(value)
        return text if precision is None or not isinstance(value, str) else text[: int(precision)]
    if letter == "q" and isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if letter in "xX" and isinstance(value, str):
        text = value.encode().hex()
        return text.upper() if letter == "X" else text
    if letter == "t" and isinstance(value, bool):
        return printed(value)
    if letter in "feg" and isinstance(value, float):
        return format(value, f".{precision or 6}{letter}")
    return f"%!{letter}({_type(value)}={printed(value)})"


def _padded(text: str, flags: str, width: int, letter: str) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and letter in "dxXob":
        sign = text[:1] if text[:1] in "+-" else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width, "0" if "0" in flags and letter == "s" else " ")


def _type(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float64", str: "string"}.get(type(value), "<nil>" if value is None else "map")


def _print(*values: Value) -> str:
    """Like fmt.Sprint: a blank between two values when neither is a string."""
    text = ""
    for position, value in enumerate(values):
        if position and not isinstance(value, str) and not isinstance(values[position - 1], str):
            text += " "
        text += printed(value)
    return text


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, Mapping) and isinstance(key, str):
            value = value.get(key, "")
        elif isinstance(value, Sequence) and isinstance(key, int) and not isinstance(key, bool):
            if not 0 <= key < len(value):
                raise IndexError(f"index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise TypeError("can't index item")
    return value


def _slice(value: Value, *bounds: Value) -> Value:
    if not isinstance(value, Sequence) or not all(isinstance(bound, int) for bound in bounds):
        raise TypeError("can't slice item")
    start = bounds[0] if bounds else 0
    stop = bounds[1] if len(bounds) > 1 else len(value)
    if not isinstance(start, int) or not isinstance(stop, int) or not 0 <= start <= stop <= len(value):
        raise IndexError("index out of range")
    return value[start:stop]


def _len(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (Mapping, Sequence)):
        return len(value)
    raise TypeError("len of a value without length")


def _equal(first: Value, *others: Value) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    return any(_comparable(first, other) and first == other for other in others)


def _comparable(left: Value, right: Value) -> bool:
    if isinstance(left, (tuple, list, Mapping)):
        raise TypeError("non-comparable type")
    if left is None or right is None or type(left) is type(right):
        return True
    raise TypeError("incompatible types for comparison")


def _less(left: Value, right: Value) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)) and _comparable(left, right):
        return left < right
    raise TypeError("incompatible types for comparison")


def _and(first: Value, *others: Value) -> Value:
    for value in (first, *others):
        first = value
        if not value:
            break
    return first


def _or(first: Value, *others: Value) -> Value:
    for value in (first, *others):
        first = value
        if value:
            break
    return first


def _parse_int(text: Value, base: Value, bits: Value) -> int:
    """Go's strconv.ParseUint: no sign, no blanks; a base of 0 goes by the prefix."""
    if not isinstance(text, str) or not isinstance(base, int) or not isinstance(bits, int):
        raise TypeError("parseInt takes a string and two numbers")
    if base not in (0, *range(2, 37)) or not re.fullmatch(r"[0-9a-zA-Z]+" if base else r"[0-9a-zA-Z_]+", text):
        raise ValueError(f"parsing {text!r}: invalid syntax")
    number = int(text, base) if base or not re.fullmatch(r"0[0-7]+", text) else int(text, 8)
    if number >= 1 << (bits or 64):
        raise ValueError(f"parsing {text!r}: value out of range")
    return number


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "and": _and,
    "eq": _equal,
    "ge": lambda left, right: not _less(left, right),
    "gt": lambda left, right: _less(right, left),
    "index": _index,
    "le": lambda left, right: not _less(right, left),
    "len": _len,
    "lt": _less,
    "ne": lambda left, right: not _equal(left, right),
    "not": lambda value: not value,
    "or": _or,
    "parseInt": _parse_int,
    "print": _print,
    "printf": _printf,
    "println": lambda *values: " ".join(map(printed, values)) + "\n",
    "slice": _slice,
}
