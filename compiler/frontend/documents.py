"""A source split into documents: each is read by itself, so a broken one does not hide the errors of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kcompile.frontend.events import DuplicateKey, Event, Events, Malformed
from kcompile.frontend.json_events import json_events, json_value_end
from kcompile.frontend.source import Source
from kcompile.frontend.yaml_events import yaml_events

# At the start of a line `---` and `...` are document markers everywhere in YAML, inside scalars too (YAML 1.2, 9.1.2).
_MARKER = re.compile(rb"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
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
        found: list[DuplicateKey] = []
        try:
            for event in self._events(found):
                kind, text, plain, line, column = event
                yield Event(kind, text, plain, line + self.line_offset, column) if self.line_offset else event
        except Malformed as error:
            error.line += self.line_offset
            raise
        finally:
            duplicates += [
                duplicate._replace(
                    line=duplicate.line + self.line_offset, first_line=duplicate.first_line + self.line_offset
                )
                for duplicate in found
            ]

    def _events(self, duplicates: list[DuplicateKey]) -> Events:
        if self.json:
            try:
                return json_events(self.text.decode("utf-8"), duplicates)
            except UnicodeDecodeError as error:
                line = self.text.count(b"\n", 0, error.start) + 1
                raise Malformed("json-syntax", f"not UTF-8: {error.reason}", line, 1) from None
        return yaml_events(self.text, duplicates)


def documents(source: Source) -> Iterator[Document]:
    """The documents of a source, empty ones left out but counted."""
    data = source.data.removeprefix(_BYTE_ORDER_MARK)
    if data.lstrip()[:1] in (b"{", b"["):
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
    for marker in _MARKER.finditer(data):
        at = marker.start()
        if data.startswith(b"---", at):
            if _only_directives(data[start:at]):
                continue
            yield start, at
            start = at
        else:
            yield start, marker.end()
            start = marker.end()
    yield start, len(data)


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
    text = data.decode("utf-8", "replace")
    start, number, line_offset = 0, 0, 0
    while start < len(text):
        end = json_value_end(text, start)
        part = data if start == 0 and end == len(text) else text[start:end].encode()
        yield Document(source, number, part, line_offset, json=True)
        line_offset += text.count("\n", start, end)
        start, number = max(end, start + 1), number + 1


def _is_flow_yaml(source: Source, data: bytes) -> bool:
    """Whether a text that starts like JSON is YAML in flow style: no JSON starts `{name:` or `{ # ...`."""
    if source.name.endswith(".json"):
        return False
    body = data.lstrip()[1:].lstrip()
    return bool(body) and body[:1] not in b'"}{[]0123456789-tfn'
