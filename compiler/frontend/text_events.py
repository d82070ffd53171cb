"""The events of a text in either format, by the readers in Python."""

from __future__ import annotations

from kcompile.frontend.events import DuplicateKey, Event, Events, Malformed
from kcompile.frontend.json_events import json_events
from kcompile.frontend.yaml_events import yaml_events


def text_events(text: bytes, json: bool, line_offset: int, duplicates: list[DuplicateKey]) -> Events:
    """The events of one document that stands `line_offset` lines into its source, with positions in the source.

    Duplicate keys are appended to `duplicates` as they are found. Raises `Malformed`, positioned likewise.
    """
    found: list[DuplicateKey] = []
    try:
        for event in json_events(_decoded(text), found) if json else yaml_events(text, found):
            if found:
                duplicates += [_moved(duplicate, line_offset) for duplicate in found]
                found.clear()
            kind, content, plain, line, column = event
            yield Event(kind, content, plain, line + line_offset, column) if line_offset else event
    except Malformed as error:
        error.line += line_offset
        raise


def _moved(duplicate: DuplicateKey, lines: int) -> DuplicateKey:
    return duplicate._replace(line=duplicate.line + lines, first_line=duplicate.first_line + lines)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise Malformed("json-syntax", f"not UTF-8: {error.reason}", line, 1) from None
