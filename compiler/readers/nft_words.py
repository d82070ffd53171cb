"""The words of nftables text, each with its kind for the parser and its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NEWLINE = "\n"
_TOKEN = re.compile(
    r"""(?P<newline>\n)|(?P<skip>[ \t\r\f\v]+|\#[^\n]*|\\\n)|"(?P<string>[^"\n]*)"?"""
    r"""|(?P<mark><<|>>|==|!=|<=|>=|[{}(),;=!<>&|^])|(?P<word>[^\s{}(),;="!<>&|^\#]+)"""
)


class Word(NamedTuple):
    """`kind` is a keyword's own text, the name of a terminal, or a line end."""

    kind: str
    text: str
    line: int


def words_of(text: str, keywords: Mapping[str, str]) -> Iterator[Word]:
    """All words of a text; line ends are words too."""
    line = 1
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        token = match.group()
        if group == "word":
            if token in keywords:
                yield Word(token, token, line)
            elif token == "*":
                yield Word("STAR", token, line)
            else:
                yield Word("SETREF" if token[0] == "@" else "WORD", token, line)
        elif group == "mark":
            yield Word(token, token, line)
        elif group == "newline":
            yield Word(NEWLINE, token, line)
            line += 1
        elif group == "string":
            yield Word("STRING", match.group("string"), line)
        elif token[0] == "\\":
            line += 1
