"""A Corefile in one style: four blanks for each open brace, one blank between words, at most one empty line.

Words stay on their lines, because lines decide what a Corefile means: nothing is joined or split. Only if the value of
a variable has line ends in it can an empty line more or less change the meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kcompile.frontend.corefile.syntax import Token
from kcompile.frontend.corefile.tokens import BYTE_ORDER_MARK, Comment, scan
from kcompile.frontend.source import Source

_INDENT = "    "
_MAX_INDENT = 20
"""Braces nested deeper than this are indented no further."""


@dataclass(slots=True)
class _Row:
    """What stands on a line. Comments come last: one that was glued to a word is moved there."""

    line: int
    last_line: int
    words: list[str] = field(default_factory=list)
    braces: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    starts_with: str = ""

    def __str__(self) -> str:
        return " ".join([*self.words, *self.comments])


def format_corefile(source: Source) -> str:
    """The text anew, with its comments. Of a Corefile with errors too; doing it twice changes nothing more."""
    lines: list[str] = []
    depth = 0
    previous: _Row | None = None
    for row in _rows(source):
        opened = depth
        closing = row.words and row.starts_with == "}"
        for brace in row.braces:
            depth = depth + 1 if brace == "{" else max(0, depth - 1)
        if previous and _is_apart(previous, row, opened):
            lines.append("")
        indent = max(0, opened - 1) if closing else opened
        lines.append(_INDENT * min(indent, _MAX_INDENT) + str(row))
        previous = row
    text = "".join(f"{line}\n" for line in lines)
    # The lexer skips one byte order mark: a word that begins with another one needs it.
    return BYTE_ORDER_MARK + text if text.startswith(BYTE_ORDER_MARK) else text


def _is_apart(previous: _Row, row: _Row, depth: int) -> bool:
    """Whether an empty line stands between two rows: after each block, and where there was one, except at braces."""
    ends_block = depth == 0 and previous.braces[-1:] == ["}"]
    at_brace = previous.braces[-1:] == ["{"] or row.starts_with == "}"
    return ends_block or (row.line > previous.last_line + 1 and not at_brace)


def _rows(source: Source) -> Iterator[_Row]:
    row: _Row | None = None
    for item, is_quoted in _items(source):
        if row is None or item.line > row.last_line:
            if row:
                yield row
            row = _Row(item.line, item.line)
        if isinstance(item, Comment):
            row.comments.append(item.text.rstrip())
            continue
        row.starts_with = row.starts_with if row.words else item.text
        row.last_line = item.last_line
        row.words.append(_quoted(item.text) if is_quoted else item.text)
        if item.text in ("{", "}"):
            row.braces.append(item.text)
    if row:
        yield row


def _items(source: Source) -> Iterator[tuple[Token | Comment, bool]]:
    """Words and comments in the order of the text, and whether a word was quoted."""
    scanned = scan(source)
    comments = iter(scanned.comments)
    comment = next(comments, None)
    for index, token in enumerate(scanned.tokens):
        while comment and comment.tokens_before <= index:
            yield comment, False
            comment = next(comments, None)
        yield token, index in scanned.quoted
    while comment:
        yield comment, False
        comment = next(comments, None)


def _quoted(text: str) -> str:
    # The lexer leaves every backslash but that of \" in the word, so this is what was written.
    return '"' + text.replace('"', '\\"') + '"'
