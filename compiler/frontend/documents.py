"""A source split into documents: each is read by itself, so a broken one does not hide the errors of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kcompile.frontend.events import DuplicateKey, Events
from kcompile.frontend.source import Source
from kcompile.frontend.text_events import text_events

try:
    from kcompile.native.manifest import value_end
except ImportError:
    from kcompile.twins.manifest import value_end

_OPENING_BRACKET = re.compile(rb"\s*[{[]")
_FIRST_IN_BRACKETS = re.compile(rb"\s*[{[]\s*(\S)")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK_OR_COMMENT = re.compile(rb"(?:---(?=[ \t\r\n]|\Z))?(?:[ \t\r\n]+|#[^\n]*)*")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a source. `text` starts `line_offset` lines into the source; `json` says how it is read."""

    source: Source
    number: int
    text: bytes
    line_offset: int = 0
    json: bool = False

    def events(self, duplicates: list[DuplicateKey]) -> Events:
        """The document's events with positions in the source. Raises `Malformed`, positioned likewise."""
        return text_events(self.text, self.json, self.line_offset, duplicates)


def documents(source: Source) -> Iterator[Document]:
    """The documents of a source, empty ones left out but counted."""
    data = source.data.removeprefix(_BYTE_ORDER_MARK)
    if _OPENING_BRACKET.match(data):
        yield from _json_documents(source, data)
        return
    line_offset = 0
    for number, (start, end) in enumerate(_yaml_spans(data)):
        text = data[start:end]
        blank = _BLANK_OR_COMMENT.match(text)
        if blank is None or blank.end() < len(text):
            yield Document(source, number, text, line_offset)
        line_offset += text.count(b"\n")


def _yaml_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each document begins and ends. Directives (`%YAML`) stay with the document that they stand before."""
    start = 0
    for at in _markers(data):
        if data.startswith(b"---", at):
            if _only_directives(data[start:at]):
                continue
            yield start, at
            start = at
        else:
            yield start, at + 3
            start = at + 3
    yield start, len(data)


def _markers(data: bytes) -> Iterator[int]:
    """Where document markers stand: at the start of a line `---` and `...` are markers everywhere in YAML, inside
    scalars too (YAML 1.2, 9.1.2)."""
    starts = {marker: 0 if data.startswith(marker) else _next_line(data, marker, 0) for marker in (b"---", b"...")}
    while (at := min(starts.values())) < len(data):
        marker = data[at : at + 3]
        if data[at + 3 : at + 4] in (b"", b" ", b"\t", b"\r", b"\n"):
            yield at
        starts[marker] = _next_line(data, marker, at)


def _next_line(data: bytes, beginning: bytes, start: int) -> int:
    """Where the next line with this beginning starts; the end of the text if there is none."""
    found = data.find(b"\n" + beginning, start)
    return len(data) if found < 0 else found + 1


def _only_directives(text: bytes) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(b"#")]
    return bool(lines) and all(line.startswith(b"%") for line in lines)


def _json_documents(source: Source, data: bytes) -> Iterator[Document]:
    """One document for each of the JSON values that follow one another, as kubectl takes them."""
    if _is_flow_yaml(source, data):
        yield from (
            Document(source, n, data[a:b], data.count(b"\n", 0, a)) for n, (a, b) in enumerate(_yaml_spans(data))
        )
        return
    start, number, line_offset = 0, 0, 0
    while start < len(data):
        end = value_end(data, start)
        yield Document(source, number, data[start:end], line_offset, json=True)
        line_offset += data.count(b"\n", start, end)
        start, number = end, number + 1


def _is_flow_yaml(source: Source, data: bytes) -> bool:
    """Whether a text that starts like JSON is YAML in flow style: no JSON starts `{name:` or `{ # ...`."""
    if source.name.endswith(".json"):
        return False
    first = _FIRST_IN_BRACKETS.match(data)
    return first is not None and first[1] not in b'"}{[]0123456789-tfn'
