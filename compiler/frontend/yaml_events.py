"""YAML to events, by PyYAML's parser (libyaml): anchors and aliases expanded, merge keys applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from kcompile.frontend.events import (
    END_LIST,
    END_MAP,
    KEY,
    LIST,
    MAP,
    MAX_ALIASED_EVENTS,
    SCALAR,
    DuplicateKey,
    Event,
    Events,
    Malformed,
    check_depth,
    check_scalar,
    too_deep,
)

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_STRING_TAGS = frozenset({"tag:yaml.org,2002:str", "!"})
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
_MERGE = "<<"


class _Frame:
    """One open collection: what of it has been seen, and what a merge key adds at its end."""

    __slots__ = ("expects_key", "is_map", "merges", "merging", "seen")

    def __init__(self, is_map: bool) -> None:
        self.is_map = is_map
        self.expects_key = is_map
        self.seen: dict[str, int] = {}
        self.merges: list[list[Event]] = []
        self.merging = False


def yaml_events(text: str | bytes, duplicates: list[DuplicateKey]) -> Events:
    """The events of one YAML document; duplicate keys are appended to `duplicates`. Raises `Malformed`."""
    return _events(_expanded(text), duplicates)


def _events(source: Events, duplicates: list[DuplicateKey]) -> Events:
    """Scalars in key position become keys; `<<` disappears, and what it merges follows the map's own keys."""
    stack: list[_Frame] = []
    for event in source:
        kind, text, plain, line, column = event
        top = stack[-1] if stack else None
        if top and top.merging and kind != END_MAP:
            top.merging = False
            top.expects_key = True
            top.merges += _merged(event, source)
            continue
        if kind == SCALAR:
            if top and top.expects_key:
                top.expects_key = False
                if plain and text == _MERGE:
                    top.merging = True
                    continue
                if text in top.seen:
                    duplicates.append(DuplicateKey(text, line, column, top.seen[text]))
                top.seen[text] = line
                yield Event(KEY, text, plain, line, column)
                continue
            if top:
                top.expects_key = top.is_map
            yield event
        elif kind in (MAP, LIST):
            if top and top.expects_key:
                raise Malformed("bad-key", "a key must be a scalar, not a collection", line, column)
            if top:
                top.expects_key = top.is_map
            stack.append(_Frame(kind == MAP))
            check_depth(len(stack), line, column)
            yield event
        else:
            frame = stack.pop()
            for merged in frame.merges:
                yield from _unseen(merged, frame.seen)
            yield event


def _merged(event: Event, source: Events) -> list[list[Event]]:
    """The maps that a merge key names: the events of each, without its brackets."""
    if event.kind == MAP:
        return [_collection(source)]
    if event.kind == LIST:
        maps: list[list[Event]] = []
        for item in source:
            if item.kind == END_LIST:
                return maps
            if item.kind != MAP:
                break
            maps.append(_collection(source))
    raise Malformed("bad-merge", "a merge key (`<<`) takes a map, or a list of maps", event.line, event.column)


def _collection(source: Events) -> list[Event]:
    depth, events = 1, []
    for event in source:
        if event.kind in (MAP, LIST):
            depth += 1
        elif event.kind in (END_MAP, END_LIST):
            depth -= 1
            if not depth:
                break
        events.append(event)
    return events


def _unseen(merged: list[Event], seen: dict[str, int]) -> Iterator[Event]:
    """The pairs of a merged map whose keys are not in `seen` yet: a map's own keys win, then the earlier merge."""
    position = 0
    while position < len(merged):
        key = merged[position]
        end = _value_end(merged, position + 1)
        if key.kind != SCALAR:
            raise Malformed("bad-key", "a key must be a scalar, not a collection", key.line, key.column)
        if key.plain and key.text == _MERGE:
            value = iter(merged[position + 1 : end])
            for inner in _merged(next(value), value):
                yield from _unseen(inner, seen)
        elif key.text not in seen:
            seen[key.text] = key.line
            yield Event(KEY, key.text, key.plain, key.line, key.column)
            yield from _events(iter(merged[position + 1 : end]), [])
        position = end


def _value_end(events: list[Event], start: int) -> int:
    depth = 0
    for position in range(start, len(events)):
        kind = events[position].kind
        depth += (kind in (MAP, LIST)) - (kind in (END_MAP, END_LIST))
        if not depth:
            return position + 1
    return len(events)


def _expanded(text: str | bytes) -> Events:
    """PyYAML's events with aliases replaced by the events of what they name."""
    anchors: dict[str, list[Event]] = {}
    recording: list[tuple[str, list[Event], int]] = []
    depth = 0
    budget = MAX_ALIASED_EVENTS
    for anchor, event in _parsed(text):
        if event is None:
            name, line, column = anchor
            if any(name == open_name for open_name, _, _ in recording):
                raise Malformed("bad-alias", f"the alias *{name} stands inside its own anchor", line, column)
            if name not in anchors:
                raise Malformed("bad-alias", f"the alias *{name} has no anchor before it", line, column)
            replay = anchors[name]
            budget -= len(replay)
            if budget < 0:
                message = f"aliases expand to more than {MAX_ALIASED_EVENTS:,} values"
                raise Malformed("alias-bomb", message, line, column, "write the values out, or drop the aliases")
            for _, events, _ in recording:
                events += replay
            yield from replay
            continue
        if anchor[0]:
            recording.append((anchor[0], [], depth))
        for _, events, _ in recording:
            events.append(event)
        if event.kind in (MAP, LIST):
            depth += 1
            check_depth(depth, event.line, event.column)
        elif event.kind in (END_MAP, END_LIST):
            depth -= 1
        while recording and recording[-1][2] == depth:
            name, events, _ = recording.pop()
            anchors[name] = events
        yield event


_Anchor = tuple[str, int, int]


def _parsed(text: str | bytes) -> Iterator[tuple[_Anchor, Event | None]]:
    """Each of PyYAML's events as (its anchor or "", event); an alias is (its name, None)."""
    scalar, mapping, sequence = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
    documents = 0
    try:
        for raw in yaml.parse(text, Loader=_LOADER):
            mark = raw.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            if isinstance(raw, scalar):
                plain = raw.implicit[0] if raw.tag is None else raw.tag in _PLAIN_TAGS
                check_scalar(raw.value, line, column)
                yield (raw.anchor or "", line, column), Event(SCALAR, raw.value, plain, line, column)
            elif isinstance(raw, mapping):
                yield (raw.anchor or "", line, column), Event(MAP, "", False, line, column)
            elif isinstance(raw, sequence):
                yield (raw.anchor or "", line, column), Event(LIST, "", False, line, column)
            elif isinstance(raw, yaml.MappingEndEvent):
                yield ("", line, column), Event(END_MAP, "", False, line, column)
            elif isinstance(raw, yaml.SequenceEndEvent):
                yield ("", line, column), Event(END_LIST, "", False, line, column)
            elif isinstance(raw, yaml.AliasEvent):
                yield (raw.anchor or "", line, column), None
            elif isinstance(raw, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    # libyaml takes more characters for line breaks than whoever split the text into documents.
                    message = "a second document begins behind a line break that is no line feed"
                    raise Malformed("yaml-syntax", message, line, column, "end lines with LF, or CR LF")
    except yaml.reader.ReaderError as error:
        raise _reader_error(text, error) from None
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part) or "not YAML"
        line, column = (where.line + 1, where.column + 1) if where else (1, 1)
        if "maximum nesting depth" in message:
            # libyaml's own bound (since PyYAML 6.0.4) is wider, but its scanner runs ahead of the events.
            raise too_deep(line, column) from None
        raise Malformed("yaml-syntax", message, line, column, _hint(message)) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("yaml-syntax", f"not text: {error}", 1, 1) from None


def _reader_error(text: str | bytes, error: yaml.reader.ReaderError) -> Malformed:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    before = data[: error.position]
    line = before.count(b"\n") + 1
    column = len(before) - (before.rfind(b"\n") + 1) + 1
    character = f"#x{error.character:04x}" if isinstance(error.character, int) else repr(error.character)
    return Malformed("yaml-syntax", f"not text: {error.reason} (character {character})", line, column)


def _hint(message: str) -> str:
    if "cannot start any token" in message:
        return "YAML takes no tabs for indentation, and no % or @ or ` at the start of a plain value"
    if "mapping values are not allowed" in message:
        return "quote a value that holds a colon and a blank, and check the indentation"
    return ""
