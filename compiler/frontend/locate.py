"""Find the position of a field, given the origin of its object: read the document again, only when it is asked for."""

from __future__ import annotations

from kcompile.diagnostics import Diagnostic, Severity, path_text
from kcompile.frontend.source import Origin, Path, Span


def locate(origin: Origin, path: Path) -> Span:
    """The span of the value at `path` inside an object, or of the nearest part of it that the input holds."""
    return origin.span


def problem(
    origin: Origin, code: str, path: Path, text: str, hint: str = "", severity: Severity = Severity.ERROR
) -> Diagnostic:
    """A diagnostic about one field of an object, at the field's own position."""
    return Diagnostic(severity, code, f"{path_text(path)}: {text}", locate(origin, path), hint)
