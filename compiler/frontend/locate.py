"""Find the position of a field, given the origin of its object: read the document again, only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from kcompile.diagnostics import Diagnostic, Severity, path_text
from kcompile.frontend.documents import Document, documents
from kcompile.frontend.events import KEY, LIST, MAP, SCALAR, Malformed
from kcompile.frontend.source import Origin, Path, PathStep, Source, Span

Position = tuple[int, int, int]
"""(line, column, length in characters)"""


def locate(origin: Origin, path: Path) -> Span:
    """The span of the value at `path` inside an object, or of the nearest part of it that the input holds."""
    positions = _positions(origin.source, origin.document)
    whole = origin.path + path
    while len(whole) > len(origin.path):
        if whole in positions:
            return origin.source.span(*positions[whole])
        whole = whole[:-1]
    return origin.span


def problem(
    origin: Origin, code: str, path: Path, text: str, hint: str = "", severity: Severity = Severity.ERROR
) -> Diagnostic:
    """A diagnostic about one field of an object, at the field's own position."""
    where = f"{path_text(path)}: " if path else ""
    return Diagnostic(severity, code, f"{where}{text}", locate(origin, path), hint)


def path_at(document: Document, line: int, column: int) -> Path:
    """The path of the field whose key or value stands at a position of a document; () where there is none."""
    return _paths(document.source, document.number).get((line, column), ())


@lru_cache(maxsize=1)
def _documents(source: Source) -> dict[int, Document]:
    return {document.number: document for document in documents(source)}


@lru_cache(maxsize=2)
def _positions(source: Source, number: int) -> dict[Path, Position]:
    return {path: position for path, position, is_value in _walk(source, number) if is_value}


@lru_cache(maxsize=2)
def _paths(source: Source, number: int) -> dict[tuple[int, int], Path]:
    paths: dict[tuple[int, int], Path] = {}
    for path, (line, column, _), _ in _walk(source, number):
        paths.setdefault((line, column), path)
    return paths


def _walk(source: Source, number: int) -> Iterator[tuple[Path, Position, bool]]:
    """(path, position, whether it is a value's) for each key and value of a document, up to where it is malformed."""
    document = _documents(source).get(number)
    if document is None:
        return
    steps: list[PathStep] = []
    try:
        for kind, text, plain, line, column in document.events([]):
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
