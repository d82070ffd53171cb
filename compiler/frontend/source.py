"""Where text comes from: sources, spans, and the origin of an object."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from functools import lru_cache


@lru_cache(maxsize=2)
def line_starts(data: bytes) -> array[int]:
    """Where each line of a text begins, in bytes."""
    starts = array("Q", [0])
    starts.extend(newline.end() for newline in re.finditer(b"\n", data))
    return starts


@dataclass(frozen=True, slots=True)
class Source:
    """One text to be read: a file, standard input, or a text embedded in a ConfigMap of another source.

    `name` is what diagnostics print. For an embedded text `parent` is the source around it, and `line_offset` and
    `column_offset` lead from a position in `data` to a position in the parent (columns shift only where the text
    stands verbatim in the parent, in a literal block scalar).
    """

    name: str
    data: bytes = field(repr=False)
    parent: Source | None = field(default=None, repr=False)
    line_offset: int = 0
    column_offset: int = 0
    verbatim: bool = True

    def span(self, line: int, column: int, length: int = 1) -> Span:
        """The span at a 1-based position in `data`, as a position in the outermost source."""
        if self.parent is None:
            return Span(self, line, column, length)
        if not self.verbatim:
            return self.parent.span(self.line_offset + 1, self.column_offset + 1)
        return self.parent.span(line + self.line_offset, column + self.column_offset, length)

    def line(self, number: int) -> str:
        """The text of a 1-based line, without its line end; empty past the end of the text."""
        starts = line_starts(self.data)
        if not 1 <= number <= len(starts):
            return ""
        end = self.data.find(b"\n", starts[number - 1])
        return self.data[starts[number - 1] : end if end >= 0 else None].decode("utf-8", "replace").rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of a source; `line` and `column` count from 1, `length` counts characters.

    Line 0 stands for the source as a whole.
    """

    source: Source
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}" if self.line else self.source.name


PathStep = str | int
Path = tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an API object stands: its source, its YAML document, and the path to it inside that document.

    Objects do not carry a span for each field: that would cost more than the objects. `frontend.locate` reads the
    document again and finds the position of a field when a diagnostic or a trace needs it.
    """

    source: Source
    document: int
    line: int
    column: int = 1
    path: Path = ()

    @property
    def span(self) -> Span:
        """The first line of the object."""
        return self.source.span(self.line, self.column)


NOWHERE = Origin(Source("<generated>", b""), 0, 1)
"""The origin of objects that no input names, such as the single node of a cluster without Nodes."""
