"""The words of a Corefile, split as CoreDNS's lexer does, and the comments between them.

- White space is Unicode's; a carriage return outside quotes is dropped, even inside a word. A byte order mark is
  skipped.
- `"` quotes only at the start of a word; the word ends at the closing quote, or at the end of the text. Only `\\"` is
  an escape.
- `#` starts a comment also inside a word. A comment glued to a word ends at the next white space, not at the end of
  the line: the lexer forgets the comment when it hands out the word.
- Braces are words like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kcompile.frontend.corefile.syntax import Token
from kcompile.frontend.source import Source

MAX_BYTES = 1 << 20
"""The largest Corefile, or file imported by one, that is read: as much as a ConfigMap can hold."""

BYTE_ORDER_MARK = "\ufeff"

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD = re.compile(f"[^{_SPACE}#][^{_SPACE.replace(chr(13), '')}#]*")
_BLANK = re.compile(f"[{_SPACE}]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)("?)\\?', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMMENT = re.compile(r"#[^\n]*")
_GLUED_COMMENT = re.compile(f"#[^{_SPACE.replace(chr(13), '')}]*")
_INVALID_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from `#` on. `tokens_before` counts the tokens of the text that stand before it."""

    text: str
    line: int
    tokens_before: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """`quoted` holds the indices of the tokens that were written in quotes."""

    tokens: tuple[Token, ...]
    comments: tuple[Comment, ...]
    quoted: frozenset[int]


def scan(source: Source, importer: Token | None = None) -> Scanned:
    """Split a text into words. Never fails: everything is some word."""
    text = decode(source.data)
    position, line, line_start = int(text.startswith(BYTE_ORDER_MARK)), 1, 0
    tokens: list[Token] = []
    comments: list[Comment] = []
    quoted: set[int] = set()
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            line, line_start = _advance(text, blank.start(), position, line, line_start)
        elif text[position] == "#":
            comment = _COMMENT.match(text, position)
            assert comment
            comments.append(Comment(comment[0].rstrip("\r"), line, len(tokens)))
            position = comment.end()
        elif text[position] == '"':
            match = _QUOTED.match(text, position)
            assert match
            end = match.end(2) if match[2] else match.end()
            # A quote that is never closed and holds nothing is no word.
            if match[2] or match[1]:
                quoted.add(len(tokens))
                word = _ESCAPE.sub(lambda escape: '"' if escape[1] == '"' else escape[0], match[1])
                tokens.append(_token(word, source, line, position - line_start, end - position, importer))
            line, line_start = _advance(text, position, end, line, line_start)
            position = end
        else:
            word_match = _WORD.match(text, position)
            assert word_match
            word = word_match[0].replace("\r", "")
            tokens.append(_token(word, source, line, position - line_start, len(word_match[0]), importer))
            position = word_match.end()
            if position < len(text) and text[position] == "#":
                glued = _GLUED_COMMENT.match(text, position)
                assert glued
                comments.append(Comment(glued[0].replace("\r", ""), line, len(tokens)))
                position = glued.end()
    return Scanned(tuple(tokens), tuple(comments), frozenset(quoted))


def decode(data: bytes) -> str:
    """UTF-8 as Go reads it: every byte that is wrong becomes one replacement character."""
    return _INVALID_BYTE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def _token(word: str, source: Source, line: int, offset: int, length: int, importer: Token | None) -> Token:
    return Token(word, source, line, offset + 1, length, importer)


def _advance(text: str, start: int, end: int, line: int, line_start: int) -> tuple[int, int]:
    """The line, and where it starts, after the text from `start` to `end`."""
    breaks = text.count("\n", start, end)
    return (line + breaks, text.rindex("\n", start, end) + 1) if breaks else (line, line_start)
