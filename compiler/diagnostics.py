"""Errors and warnings: one shape for all of them, from every stage."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from kcompile.frontend.source import Path, Span


class Severity(enum.Enum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong: a stable `code`, where it stands, what is wrong, and what to do about it.

    `message` starts with the path of the field where there is one: `spec.ports[0].port: 70000 is not a port (1-65535)`.
    """

    severity: Severity
    code: str
    message: str
    span: Span | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.severity.value}[{self.code}]: {self.message}{hint}"


class KcompileError(Exception):
    """The base of every error that kcompile raises on purpose."""


class Errors(KcompileError):
    """The input is wrong. Holds every diagnostic, warnings included, in the order of the input."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


def error(code: str, message: str, span: Span | None = None, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, message, span, hint)


def warning(code: str, message: str, span: Span | None = None, hint: str = "") -> Diagnostic:
    return Diagnostic(Severity.WARNING, code, message, span, hint)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(d.severity is Severity.ERROR for d in diagnostics)


def raise_errors(diagnostics: Iterable[Diagnostic]) -> None:
    """Raise `Errors` with all the diagnostics if one of them is an error."""
    found = tuple(diagnostics)
    if has_errors(found):
        raise Errors(found)


def printable(text: str) -> str:
    """Text of the input, such as names, as people and pictures may have it: on one line, and without characters that
    drive a terminal, turn the direction of what follows, or have no place in XML."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if character == "\t":
        return " "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def path_text(path: Path) -> str:
    """`("spec", "ports", 0, "port")` as `spec.ports[0].port`; a key that is not a plain word is quoted, on one line."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif not (step.isascii() and step.replace("-", "").replace("_", "").isalnum()):
            text += f"[{_quoted(step)}]"
        else:
            text += f".{step}" if text else step
    return text


def _quoted(key: str) -> str:
    cut = key if len(key) <= 100 else key[:97] + "..."
    return f'"{cut}"' if cut.isascii() and cut.isprintable() and '"' not in cut else ascii(cut)
