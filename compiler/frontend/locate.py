"""Find the position of a field, given the origin of its object: read the document again, only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from kcompile.diagnostics import Diagnostic, Severity, path_text
from kcompile.frontend.cursors import fast_cursor
from kcompile.frontend.documents import Document, documents
from kcompile.frontend.events import KEY, LIST, MAP, SCALAR, Event, Malformed, Unsure
from kcompile.frontend.source import Origin, Path, PathStep, Source, Span, line_starts

Position = tuple[int, int, int]
"""(line, column, length in characters)"""

_WINDOWS = (1 << 14, 1 << 22)
"""How many bytes from its start an object is looked for in, before its whole document is read."""


def locate(origin: Origin, path: Path) -> Span:
    """The span of the value at `path` inside an object, or of the nearest part of it that the input holds."""
    positions = _positions(origin)
    for length in range(len(path), 0, -1):
        if path[:length] in positions:
            return origin.source.span(*positions[path[:length]])
    return origin.span


def problem(
    origin: Origin, code: str, path: Path, text: str, hint: str = "", severity: Severity = Severity.ERROR
) -> Diagnostic:
    """A diagnostic about one field of an object, at the field's own position."""
    where = f"{path_text(path)}: " if path else ""
    return Diagnostic(severity, code, f"{where}{text}", locate(origin, path), hint)


def paths_of(events: Iterable[Event], start: Path) -> dict[tuple[int, int], Path]:
    """The path of each key and value of a manifest that stands at the path `start`, by its line and column."""
    paths: dict[tuple[int, int], Path] = {}
    for path, (line, column, _), _ in _walk(events):
        paths.setdefault((line, column), start + path)
    return paths


@lru_cache(maxsize=1)
def _documents(source: Source) -> dict[int, Document]:
    return {document.number: document for document in documents(source)}


@lru_cache(maxsize=8)
def _positions(origin: Origin) -> dict[Path, Position]:
    """The positions of an object's values."""
    document = _documents(origin.source).get(origin.document)
    if document is None:
        return {}
    events = _events_from(document, origin.line, origin.column)
    if events is not None:
        return {path: position for path, position, is_value in _walk(events) if is_value}
    start = origin.path
    positions = _positions_in_document(origin.source, origin.document)
    return {path[len(start) :]: positions[path] for path in positions if path[: len(start)] == start}


def _events_from(document: Document, line: int, column: int) -> list[Event] | None:
    """The events of the value at a position, read from there on; None where more than its own text decides them."""
    begin = line_starts(document.text)[line - document.line_offset - 1]
    before = document.text[begin : begin + column - 1]
    if not before.isascii():
        return None
    for size in _WINDOWS:
        end = begin + size
        # In block style the column counts. What stands before it in the line, dashes and brackets, does not.
        text = b" " * len(before) + document.text[begin + len(before) : end]
        events = _first_events(text, document.json, line - 1, is_rest=end >= len(document.text))
        if events is not None:
            return events
    return None


def _first_events(text: bytes, json: bool, line_offset: int, *, is_rest: bool) -> list[Event] | None:
    """The events of the first value in a text; None if it is none, or may go on after the text."""
    try:
        cursor = fast_cursor(text, json, line_offset)
        if not cursor.enter() or cursor.read():
            return None
        events = cursor.events()
    except (Malformed, Unsure):
        return None
    if json or is_rest:
        return events
    try:
        cursor.finish()
    except (Malformed, Unsure):
        return events
    return None


@lru_cache(maxsize=2)
def _positions_in_document(source: Source, number: int) -> dict[Path, Position]:
    return {path: position for path, position, is_value in _walk(_documents(source)[number].events([])) if is_value}


def _walk(events: Iterable[Event]) -> Iterator[tuple[Path, Position, bool]]:
    """(path, position, whether it is a value's) for each key and value, up to where the text is malformed."""
    steps: list[PathStep] = []
    try:
        for kind, text, plain, line, column in events:
            if kind == KEY:
                steps[-1] = text
                yield tuple(steps), (line, column, len(text)), False
                continue
            if kind in (MAP, LIST, SCALAR):
                if steps and isinstance(steps[-1], int):
                    steps[-1] += 1
                yield tuple(steps), (line, column, _length(text, plain)), True
                if kind != SCALAR:
                    steps.append("" if kind == MAP else -1)
            else:
                steps.pop()
    except Malformed:
        return


def _length(text: str, plain: bool) -> int:
    """How many characters to mark: the scalar with its quotes, up to the end of its line."""
    return max(1, len(text.partition("\n")[0]) + (0 if plain or not text else 2))
