"""Manifests from text to fields, in plain Python: the reference for `kcompile.native.manifest`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kcompile.frontend.events import (
    END_LIST,
    END_MAP,
    LIST,
    MAP,
    MAX_EVENTS,
    SCALAR,
    DuplicateKey,
    Event,
    Malformed,
)
from kcompile.frontend.grammar_tables import Tables
from kcompile.frontend.parser import Builder, Problem, Required, parse, skip
from kcompile.frontend.text_events import text_events

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_MARKER = re.compile(rb"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t\r\n]*")


class Parser:
    """The tables, builders and required fields of a grammar."""

    def __init__(
        self, tables: Tables, builders: Mapping[str, Builder], required: Mapping[str, tuple[Required, ...]]
    ) -> None:
        self.tables = tables
        self.builders = builders
        self.required = required


class _Manifest:
    """What has been read of one manifest."""

    def __init__(self, first: Event) -> None:
        self.events = [first]
        self.name: dict[str, str] = {}
        self.duplicates: list[DuplicateKey] = []


class Cursor:
    """Reads the manifests of one document, one after the other. Raises `Malformed`.

    A manifest that has been entered stays until it is left; those in its list stand in it. Positions count from the
    start of the source, of which `line_offset` lines stand before `text`.
    """

    def __init__(self, parser: Parser, text: bytes, json: bool = False, line_offset: int = 0) -> None:
        self.parser = parser
        self._duplicates: list[DuplicateKey] = []
        self._stream = text_events(text, json, line_offset, self._duplicates)
        self._manifests: list[_Manifest] = []

    def enter(self) -> bool:
        """Begin with the next manifest, of the document or of the list around it. False: there is none."""
        event = next(self._stream, None)
        self._note_duplicates()
        if event is None or event.kind in (END_MAP, END_LIST):
            return False
        self._manifests.append(_Manifest(event))
        return True

    def leave(self) -> None:
        """Forget the manifest."""
        self._manifests.pop()

    def read(self, given_kind: str = "") -> bool:
        """Read on to the end of the manifest, or up to the first of the items that its list has: then True.

        `given_kind` is the kind that its list says it has.
        """
        manifest = self._manifests[-1]
        if manifest.events[0].kind != MAP:
            self._read_rest(manifest.events[-1])
            return False
        for event in self._stream:
            if event.kind == END_MAP:
                manifest.events.append(event)
                break
            value = next(self._stream)
            kind = manifest.name.get("kind", given_kind)
            if event.text == "items" and (not kind or kind.endswith("List")):
                if value.kind == LIST:
                    return True
                skip(self._stream, value)
                continue
            if value.kind == SCALAR and event.text in ("apiVersion", "kind"):
                manifest.name[event.text] = value.text
            manifest.events += (event, value)
            self._read_rest(value)
        return False

    def _read_rest(self, first: Event) -> None:
        events = self._manifests[-1].events
        depth = int(first.kind in (MAP, LIST))
        while depth:
            event = next(self._stream)
            depth += (event.kind in (MAP, LIST)) - (event.kind in (END_MAP, END_LIST))
            events.append(event)
            if len(events) > MAX_EVENTS:
                message = f"an object of more than {MAX_EVENTS:,} values"
                raise Malformed("too-long", message, event.line, event.column)

    def finish(self) -> None:
        """To be called after the last manifest: makes sure that nothing else follows."""
        for _ in self._stream:
            pass

    def name(self, given_version: str = "", given_kind: str = "") -> tuple[str, str]:
        """(apiVersion, kind) of the manifest as far as it has been read; what it does not say is as given."""
        name = self._manifests[-1].name
        return name.get("apiVersion", given_version), name.get("kind", given_kind)

    def fields(self, rule: str) -> dict[str, Any] | None:
        """The fields of the manifest, which has been read whole; None where something is wrong with it."""
        problems: list[Problem] = []
        parser = self.parser
        fields = parse(parser.tables, rule, iter(self.events()), parser.builders, parser.required, problems)
        assert fields is None or isinstance(fields, dict)
        return None if problems else fields

    def first(self) -> Event:
        """The first event of the manifest."""
        return self._manifests[-1].events[0]

    def events(self) -> list[Event]:
        """The events of the manifest as far as it has been read, without the items of a list."""
        return self._manifests[-1].events

    def duplicates(self, of_all: bool = False) -> list[DuplicateKey]:
        """The keys that stood twice in what was read of the manifest, or of all that are open, since the last call."""
        self._note_duplicates()
        found: list[DuplicateKey] = []
        for manifest in self._manifests if of_all else self._manifests[-1:]:
            found += manifest.duplicates
            manifest.duplicates.clear()
        return found

    def _note_duplicates(self) -> None:
        """What the stream has found belongs to the manifest that has been read last."""
        if self._duplicates and self._manifests:
            self._manifests[-1].duplicates += self._duplicates
            self._duplicates.clear()


def value_end(text: bytes, start: int) -> int:
    """Where the JSON value that begins at `start` ends, and any blanks after it.

    Brackets and strings are counted, nothing else is looked at; what begins with no bracket goes on to the end.
    """
    if not 0 <= start <= len(text):
        raise ValueError("start is outside the text")
    begin = _after_blanks(text, start)
    if text[begin : begin + 1] not in (b"{", b"["):
        return len(text)
    depth = 0
    for found in _BRACKETS.finditer(text, begin):
        bracket = text[found.start()]
        depth += (bracket in b"{[") - (bracket in b"}]")
        if depth <= 0:
            return _after_blanks(text, found.end())
    return len(text)


def _after_blanks(text: bytes, start: int) -> int:
    match = _BLANKS.match(text, start)
    return match.end() if match else start


def document_marker(text: bytes, start: int) -> tuple[int, int]:
    """Where the first document marker of YAML stands, from the start of a line on, and how many lines lie between.

    At the start of a line `---` and `...` are markers everywhere, inside scalars too (YAML 1.2, 9.1.2). Where there is
    none, the text ends.
    """
    if not 0 <= start <= len(text):
        raise ValueError("start is outside the text")
    match = _MARKER.search(text, start)
    end = match.start() if match else len(text)
    return end, text.count(b"\n", start, end)
