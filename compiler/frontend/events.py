"""The token stream that YAML and JSON share: events with positions, as the grammar of the manifests reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

MAP, END_MAP, LIST, END_LIST, KEY, SCALAR = range(6)


class Event(NamedTuple):
    """One event. `text` is the key or the scalar; `plain` says that YAML's rules decide its type (unquoted).

    `line` and `column` count from 1.
    """

    kind: int
    text: str
    plain: bool
    line: int
    column: int


Events = Iterator[Event]

MAX_DEPTH = 128
"""How deep collections may nest: beyond any object of the API, and libyaml needs quadratic time for deep flow style."""

MAX_SCALAR = 1 << 20
"""The longest key or scalar, in characters: the API server takes no ConfigMap over 1 MiB."""

MAX_ALIASED_EVENTS = 100_000
"""How many events the aliases of one document may add: a bound for alias bombs."""


MAX_EVENTS = 1 << 20
"""How many events one manifest may have: the API server takes no object that is so large."""


class Unsure(Exception):
    """The native scanner leaves this document to Python."""


class Malformed(Exception):
    """The text is not YAML or JSON, or goes beyond the limits above; reading of this document ends here."""

    def __init__(self, code: str, message: str, line: int, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


class DuplicateKey(NamedTuple):
    """A key that stands twice in one mapping, found while reading; `first_line` is where it stood first."""

    key: str
    line: int
    column: int
    first_line: int


def check_scalar(text: str, line: int, column: int) -> None:
    if len(text) > MAX_SCALAR:
        raise Malformed(
            "too-long", f"a value of {len(text):,} characters; the API server takes at most 1 MiB", line, column
        )


def check_depth(depth: int, line: int, column: int) -> None:
    if depth > MAX_DEPTH:
        raise too_deep(line, column)


def too_deep(line: int, column: int) -> Malformed:
    return Malformed("too-deep", f"collections nest deeper than {MAX_DEPTH} levels", line, column)
