"""Diagnostics on standard error: one line each, the marked line below it, in colour on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

import click

from kcompile.diagnostics import Diagnostic, Severity, printable
from kcompile.frontend.source import Span

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
_WIDTH = 160
_LONGEST = 1000


def report(diagnostics: Iterable[Diagnostic], stream: TextIO | None = None) -> None:
    """Print diagnostics in the order of the input: by source, then by position."""
    stream = stream or sys.stderr
    ordered = sorted(diagnostics, key=_position)
    shown: set[str] = set()
    for diagnostic in ordered:
        text = render(diagnostic)
        if text not in shown:
            shown.add(text)
            click.echo(text, file=stream)
    errors = sum(d.severity is Severity.ERROR for d in ordered)
    if errors > 1:
        click.echo(f"{errors} errors", file=stream)


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as text with colours; click drops them where the stream is no terminal."""
    place = click.style(f"{printable(str(diagnostic.span))}: ", bold=True) if diagnostic.span else ""
    label = click.style(f"{diagnostic.severity.value}[{diagnostic.code}]", fg=_COLOURS[diagnostic.severity], bold=True)
    lines = [f"{place}{label}: {printable(_shortened(diagnostic.message))}"]
    if diagnostic.span:
        lines += _marked(diagnostic.span, _COLOURS[diagnostic.severity])
    if diagnostic.hint:
        lines.append(f"  {click.style('hint', bold=True)}: {printable(_shortened(diagnostic.hint))}")
    return "\n".join(lines)


def fail(message: str) -> None:
    """A failure that has no place in the input."""
    click.echo(f"{click.style('error', fg='red', bold=True)}: {printable(message)}", err=True)


def note(message: str) -> None:
    """Something worth knowing that is no warning."""
    click.echo(f"{click.style('note', bold=True)}: {printable(message)}", err=True)


def _position(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return (span.source.name, span.line, span.column) if span else ("", 0, 0)


def _marked(span: Span, colour: str) -> list[str]:
    line = span.source.line(span.line)
    if not line.strip():
        return []
    start = span.column - 1
    shift = max(0, start - _WIDTH // 2)
    shown = printable(line[shift : shift + _WIDTH])
    number = f"{span.line:>6}"
    mark = "^" * max(1, min(span.length, len(shown) - (start - shift)))
    return [f"{number} | {shown}", f"{'':>6} | {'':>{start - shift}}{click.style(mark, fg=colour, bold=True)}"]


def _shortened(text: str) -> str:
    """Messages quote words of the input, and a word can be as long as the file."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"
