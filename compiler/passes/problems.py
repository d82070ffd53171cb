"""Collect what is wrong with one object."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from kcompile.diagnostics import Diagnostic, Severity
from kcompile.frontend.locate import problem
from kcompile.frontend.source import Origin, Path
from kcompile.passes.syntax import shown


class Problems:
    """The diagnostics of one object, in the order in which they are added."""

    __slots__ = ("found", "origin")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.found: list[Diagnostic] = []

    def error(self, code: str, path: Path, text: str, hint: str = "") -> None:
        self.found.append(problem(self.origin, code, path, text, hint))

    def warning(self, code: str, path: Path, text: str, hint: str = "") -> None:
        self.found.append(problem(self.origin, code, path, text, hint, Severity.WARNING))

    def not_one_of(self, path: Path, value: str, allowed: Collection[str]) -> None:
        text = f"{shown(value)} is not one of {', '.join(allowed)}"
        self.error("bad-value", path, text, _spelling_hint(value, allowed))

    def not_a_port(self, path: Path, value: int) -> None:
        self.error("port-range", path, f"{shown(value)} is not a port (1-65535)")

    def not_an_address(self, path: Path, value: str) -> None:
        self.error("bad-address", path, f"{shown(value)} is not an IP address", _address_hint(value))

    def not_a_cidr(self, path: Path, value: str) -> None:
        self.error("bad-cidr", path, f"{shown(value)} is not a CIDR such as 10.244.0.0/16", _address_hint(value))


def _spelling_hint(value: str, allowed: Collection[str]) -> str:
    folded = {one.casefold(): one for one in allowed}
    close = difflib.get_close_matches(value.casefold()[:64], folded, 1)
    return f"did you mean `{folded[close[0]]}`?" if close else ""


def _address_hint(value: str) -> str:
    if "%" in value:
        return "an address has no zone here"
    if value.lower().startswith("::ffff:") and "." in value:
        return "write an IPv4 address as such"
    octets = value.partition("/")[0].split(".")
    if len(octets) == 4 and any(octet.startswith("0") and octet != "0" for octet in octets):
        return "an IPv4 address has no leading zeros"
    return ""
