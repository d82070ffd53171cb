"""Cursors over documents: the native one, which may be unsure of a document, and the one in Python, which never is."""

from __future__ import annotations

from functools import lru_cache

from kcompile.frontend.build import BUILDERS, REQUIRED
from kcompile.frontend.grammar_tables import Tables, load
from kcompile.frontend.kinds import START_RULES
from kcompile.twins import manifest as twin

try:
    from kcompile.native import manifest as native
except ImportError:
    native = twin  # type: ignore[misc]

Cursor = native.Cursor | twin.Cursor


@lru_cache(maxsize=1)
def manifest_tables() -> Tables:
    return load("manifest", START_RULES)


@lru_cache(maxsize=1)
def _native_parser() -> native.Parser:
    return native.Parser(manifest_tables(), BUILDERS, REQUIRED)


@lru_cache(maxsize=1)
def _twin_parser() -> twin.Parser:
    return twin.Parser(manifest_tables(), BUILDERS, REQUIRED)


def fast_cursor(text: bytes, json: bool, line_offset: int) -> native.Cursor:
    """May raise `Unsure`, and so may what is called on it: then `sure_cursor` reads the text from its start."""
    return native.Cursor(_native_parser(), text, json, line_offset)


def sure_cursor(text: bytes, json: bool, line_offset: int) -> twin.Cursor:
    """Raises `Malformed` for what is neither YAML nor JSON, and so does what is called on it."""
    return twin.Cursor(_twin_parser(), text, json, line_offset)
