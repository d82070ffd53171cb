"""A source split into documents: each is read by itself, so a broken one does not hide the errors of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kcompile.frontend.events import DuplicateKey, Events
from kcompile.frontend.source import Source
from kcompile.frontend.text_events import text_events

try:
    from kcompile.native.manifest import document_marker, value_end
except ImportError:
    from kcompile.twins.manifest import document_marker, value_end

_OPENING_BRACKET = re.compile(rb"\s*(?:\[|\{(?!\{))")
_FIRST_IN_BRACKETS = re.compile(rb"\s*[{[]\s*(\S)")
_HEAD = re.compile(rb"(?:(?P<directive>%)[^\n]*\n|#[^\n]*\n|[ \t\r]*\n)*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK_OR_COMMENT = re.compile(rb"(?:---(?=[ \t\r\n]|\Z))?(?:[ \t\r\n]+|#[^\n]*)*(?:\.\.\.\Z)?")


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
        if _is_flow_yaml(source, data):
            yield from (Document(source, n, data[a:b], line) for n, (a, b, line) in enumerate(_yaml_spans(data)))
        else:
            yield from _json_documents(source, data)
        return
    for number, (start, end, line_offset) in enumerate(_yaml_spans(data)):
        text = data[start:end]
        blank = _BLANK_OR_COMMENT.match(text)
        if blank is None or blank.end() < len(text):
            yield Document(source, number, text, line_offset)


def json_document(source: Source) -> Document | None:
    """The whole source as one document, if it looks like JSON; whether it is one value shows when it is read."""
    data = source.data.removeprefix(_BYTE_ORDER_MARK)
    if not _OPENING_BRACKET.match(data) or _is_flow_yaml(source, data):
        return None
    return Document(source, 0, data, json=True)


def _yaml_spans(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Where each document begins and ends, and the lines before it. Directives (`%YAML`) stay with their document."""
    start, first_line = 0, 0
    at, line = document_marker(data, 0)
    while at < len(data):
        if data.startswith(b"...", at):
            yield start, at + 3, first_line
            start, first_line = at + 3, line
        elif not _only_directives(data, start, at):
            yield start, at, first_line
            start, first_line = at, line
        following = data.find(b"\n", at) + 1
        if not following:
            break
        at, lines = document_marker(data, following)
        line += lines + 1
    yield start, len(data), first_line


def _only_directives(data: bytes, start: int, end: int) -> bool:
    """Whether there is a directive between two positions, and no content."""
    head = _HEAD.match(data, start, end)
    return head is not None and head.end() == end and head["directive"] is not None


def _json_documents(source: Source, data: bytes) -> Iterator[Document]:
    """One document for each of the JSON values that follow one another, as kubectl takes them."""
    start, number, line_offset = 0, 0, 0
    while start < len(data):
        end = value_end(data, start)
        yield Document(source, number, data[start:end], line_offset, json=True)
        if end < len(data):
            line_offset += data.count(b"\n", start, end)
        start, number = end, number + 1


def _is_flow_yaml(source: Source, data: bytes) -> bool:
    """Whether a text that starts like JSON is YAML in flow style: no JSON starts `{name:` or `{ # ...`."""
    if source.name.endswith(".json"):
        return False
    first = _FIRST_IN_BRACKETS.match(data)
    return first is not None and first[1] not in b'"}{[]0123456789-tfn'
