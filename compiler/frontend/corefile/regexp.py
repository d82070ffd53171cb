"""Regular expressions as Go's regexp package (RE2) takes and matches them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kcompile.frontend.corefile.regexp_matcher import Matcher, TooLarge
from kcompile.frontend.corefile.regexp_syntax import (
    Alternation,
    Assertion,
    Characters,
    Concatenation,
    Group,
    Node,
    Pattern,
    RegexpError,
    Repetition,
    parse_pattern,
)

__all__ = ["Regexp", "RegexpError", "TooLarge", "compile_regexp"]


@dataclass(frozen=True, slots=True)
class Regexp:
    """A pattern that Go takes. `groups` counts its capturing groups, `names` has their names, "" for none."""

    text: str
    groups: int
    names: tuple[str, ...] = ()

    def find(self, subject: str) -> tuple[str, ...] | None:
        """The leftmost match and its groups (a group that took no part is ""), or None. May raise `TooLarge`."""
        return _finder(self.text).find(subject)


def compile_regexp(text: str) -> Regexp:
    """Raise `RegexpError` in Go's words."""
    pattern = _parsed(text)
    return Regexp(text, len(pattern.names), pattern.names)


@lru_cache(maxsize=256)
def _parsed(text: str) -> Pattern:
    return parse_pattern(text)


class _PythonMatcher:
    """Python's own matcher, for patterns that it cannot take long over."""

    def __init__(self, source: str) -> None:
        self._search = re.compile(source).search

    def find(self, subject: str) -> tuple[str, ...] | None:
        match = self._search(subject)
        return match and (match[0], *(group or "" for group in match.groups()))


@lru_cache(maxsize=256)
def _finder(text: str) -> _PythonMatcher | Matcher:
    pattern = _parsed(text)
    return _PythonMatcher(_python(pattern.root)) if _is_harmless(pattern.root) else Matcher(pattern)


_MAX_LOOPS = 3


def _is_harmless(root: Node) -> bool:
    """Whether trying every way to match costs little: few loops, none of which can match one text in two ways."""
    loops = 0
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Repetition):
            if node.maximum is None or node.maximum > 1:
                loops += 1
                if not _is_plain(node.body):
                    return False
            pending.append(node.body)
        elif isinstance(node, Group):
            pending.append(node.body)
        elif isinstance(node, Concatenation):
            pending += node.parts
        elif isinstance(node, Alternation):
            pending += node.options
    return loops <= _MAX_LOOPS


def _is_plain(node: Node) -> bool:
    if isinstance(node, Group):
        return _is_plain(node.body)
    if isinstance(node, Concatenation):
        return bool(node.parts) and all(map(_is_plain, node.parts))
    return isinstance(node, Characters)


_ASSERTIONS = {
    "text-start": r"\A",
    "text-end": r"\Z",
    "line-start": "(?m:^)",
    "line-end": r"(?=\n|\Z)",
    "boundary": r"(?a:\b)",
    "no-boundary": r"(?a:(?<!\w)(?!\w)|(?<=\w)(?=\w))",
}


def _python(node: Node) -> str:
    """The pattern in Python's syntax, with the same groups in the same order."""
    if isinstance(node, Characters):
        if node.ranges[:1] == node.ranges and node.ranges and node.ranges[0][0] == node.ranges[0][1]:
            return re.escape(chr(node.ranges[0][0]))
        inside = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in node.ranges)
        return f"[{inside}]" if inside else "(?!)"
    if isinstance(node, Assertion):
        return _ASSERTIONS[node.kind]
    if isinstance(node, Group):
        return f"({'' if node.index else '?:'}{_python(node.body)})"
    if isinstance(node, Concatenation):
        return "".join(
            f"(?:{_python(part)})" if isinstance(part, Alternation) else _python(part) for part in node.parts
        )
    if isinstance(node, Alternation):
        return "|".join(map(_python, node.options))
    maximum = "" if node.maximum is None else str(node.maximum)
    return f"(?:{_python(node.body)}){{{node.minimum},{maximum}}}{'' if node.greedy else '?'}"
