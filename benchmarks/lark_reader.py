"""Manifests to Lark's trees, as one would do it with Lark alone: its LALR parser, and a lexer over PyYAML's events."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from itertools import pairwise
from typing import Any

from lark import Lark, Token, Tree
from lark.lexer import Lexer

from kcompile.frontend.documents import documents
from kcompile.frontend.events import KEY, SCALAR, Event
from kcompile.frontend.kinds import KINDS, START_RULES
from kcompile.frontend.parser import skip
from kcompile.frontend.scalars import resolve
from kcompile.frontend.source import Source

_BRACKETS = ("MAP", "_END_MAP", "_LIST", "_END_LIST")


class _EventLexer(Lexer):
    """Which terminal a key or a scalar is depends on what the parser expects."""

    __future_interface__ = True
    terminal_of_key: dict[str, str]

    def __init__(self, _: Any) -> None: ...

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        events = iter(lexer_state.text)
        states = parser_state.parse_conf.states
        for event in events:
            accepted = states[parser_state.position]
            if event.kind == KEY:
                named = self.terminal_of_key.get(event.text, "OTHER")
                yield Token(named if named in accepted else "OTHER", event.text)
            elif "ANY" in accepted:
                skip(events, event)
                yield Token("ANY", "")
            elif event.kind == SCALAR:
                terminal, value = resolve(event.text) if event.plain else ("STRING", event.text)
                yield Token(terminal, str(value))
            else:
                yield Token(_BRACKETS[event.kind], "")


def lark_parser() -> Lark:
    grammar = resources.files("kcompile.grammar").joinpath("manifest.lark").read_text("utf-8")
    lark = Lark(grammar, parser="lalr", start=list(START_RULES), lexer=_EventLexer, maybe_placeholders=False)
    _EventLexer.terminal_of_key = {t.pattern.value: t.name for t in lark.terminals if t.pattern is not None}
    return lark


def trees(lark: Lark, source: Source) -> list[Tree[Token]]:
    """The trees of the documents, each of which is one manifest."""
    found = []
    for document in documents(source):
        events = list(document.events([]))
        name = {key.text: value.text for key, value in pairwise(events) if _is_field(key, value)}
        kind = KINDS[name["apiVersion"].rpartition("/")[0], name["kind"]]
        found.append(lark.parse(events, start=kind.rule))  # type: ignore[arg-type]
    return found


def _is_field(key: Event, value: Event) -> bool:
    return key.column == 1 and key.kind == KEY and value.kind == SCALAR
