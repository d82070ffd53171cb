"""The names and numbers of DNS types, classes and response codes (IANA's DNS parameters), as miekg/dns knows them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kcompile.frontend.corefile import numbers

# "None" and "Reserved" name the ends of the number space and no type that a question or record has.
TYPE_NUMBERS: Mapping[str, int] = MappingProxyType(
    {name: number for name, number in numbers.TYPES.items() if name not in ("None", "Reserved")}
)
TYPE_NAMES: Mapping[int, str] = MappingProxyType({number: name for name, number in TYPE_NUMBERS.items()})

CLASS_NUMBERS: Mapping[str, int] = MappingProxyType(numbers.CLASSES)
CLASS_NAMES: Mapping[int, str] = MappingProxyType({number: name for name, number in CLASS_NUMBERS.items()})

# NOTIMPL is read and never printed.
RCODE_NAMES: Mapping[int, str] = MappingProxyType(
    {number: name for name, number in numbers.RCODES.items() if name != "NOTIMPL"}
)


def type_name(number: int) -> str:
    """`TYPE65280` for a type without a name (RFC 3597)."""
    return TYPE_NAMES.get(number, f"TYPE{number}")


def type_number(name: str) -> int | None:
    """The number of a type written in either form and any case, or None."""
    name = name.upper()
    if name.startswith("TYPE") and name[4:].isdecimal() and int(name[4:]) <= 0xFFFF:
        return int(name[4:])
    return TYPE_NUMBERS.get(name)


def class_name(number: int) -> str:
    return CLASS_NAMES.get(number, f"CLASS{number}")


def rcode_name(number: int) -> str:
    return RCODE_NAMES.get(number, f"RCODE{number}")
