"""The native front end and the one in Python, side by side."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from unittest.mock import patch

from kcompile.frontend import manifests
from kcompile.frontend.build import BUILDERS, REQUIRED
from kcompile.frontend.cursors import manifest_tables, native
from kcompile.frontend.events import DuplicateKey, Event, Malformed, Unsure
from kcompile.frontend.source import Source
from kcompile.twins import manifest as twin

Read = list[tuple[tuple[str, str], list[Event], list[DuplicateKey]]]


@lru_cache(maxsize=1)
def parsers() -> tuple[Any, twin.Parser]:
    grammar = manifest_tables(), BUILDERS, REQUIRED
    return native.Parser(*grammar), twin.Parser(*grammar)


def read_all(cursor: Any) -> Read:
    """Of each manifest of a document: its name, its events without those of its items, keys that stand twice."""
    read: Read = []
    if cursor.enter():
        _read_manifest(cursor, read)
        cursor.finish()
    return read


def _read_manifest(cursor: Any, read: Read) -> None:
    while cursor.read():
        while cursor.enter():
            _read_manifest(cursor, read)
    read.append((cursor.name(), cursor.events(), cursor.duplicates()))
    cursor.leave()


def hold(text: bytes, is_json: bool = False, line_offset: int = 0) -> bool:
    """Both front ends read the same, unless the native one is unsure: then the result is False."""
    ours, theirs = parsers()
    try:
        expected: Read | None = read_all(twin.Cursor(theirs, text, is_json, line_offset))
    except Malformed:
        expected = None
    try:
        found = read_all(native.Cursor(ours, text, is_json, line_offset))
    except Unsure:
        return False
    assert found == expected
    return True


def read_both(text: bytes, name: str) -> tuple[manifests.Manifests, manifests.Manifests]:
    """What `read_manifests` makes of a text, natively and in Python."""
    source = Source(name, text)
    found = manifests.read_manifests([source])
    with patch.object(manifests, "fast_cursor", side_effect=Unsure):
        return found, manifests.read_manifests([source])
