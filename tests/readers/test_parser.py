"""The parser of words does what Lark does with the same grammar."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from kcompile import lalr
from kcompile.readers.iptables_rules import words_of as iptables_words
from kcompile.readers.nft_words import NEWLINE
from kcompile.readers.nft_words import words_of as nft_words
from kcompile.readers.parser import Misfit, Node, parser
from kcompile.readers.tables import GRAMMARS

RULES = Path(__file__).parents[1] / "data" / "rules"


def larks(grammar: str, start: str, kinds: tuple[str, ...]) -> Any:
    """Lark's tree in the parser's form; None where Lark does not take the words. A word is classed by itself where Lark
    takes it so, and as WORD elsewhere."""
    if grammar not in _LARKS:
        text = resources.files("kcompile.grammar").joinpath(f"{grammar}.lark").read_text("utf-8")
        _LARKS[grammar] = lalr.lark(text, GRAMMARS[grammar], keep_all_tokens=True)
    keywords = parser(grammar).keywords
    states = _LARKS[grammar].parse_interactive("", start=start)
    try:
        for position, kind in enumerate(kinds):
            terminal = keywords.get(kind, kind)
            states.feed_token(Token(terminal if terminal in states.accepts() else "WORD", str(position)))
        return _node(states.feed_eof())
    except UnexpectedInput:
        return None


_LARKS: dict[str, Lark] = {}


def _node(tree: Any) -> Node | int:
    if isinstance(tree, Token):
        return int(tree)
    assert isinstance(tree, Tree)
    return Node(str(tree.data), tuple(map(_node, tree.children)))


def same(grammar: str, start: str, kinds: tuple[str, ...]) -> bool:
    ours = parser(grammar).parse(start, kinds)
    theirs = larks(grammar, start, kinds)
    return theirs is None if isinstance(ours, Misfit) else ours == theirs


def iptables_lines() -> list[tuple[str, ...]]:
    keywords = parser("iptables").keywords
    lines = [
        line for name in ("docker", "flannel", "calico") for line in (RULES / f"{name}.rules").read_text().splitlines()
    ]
    return [tuple(w.kind for w in iptables_words(line, keywords)) for line in lines if line and line[0] != "#"]


def nft_lines() -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [()]
    for word in nft_words((RULES / "firewall.nft").read_text(), parser("nft").keywords):
        if word.kind in (NEWLINE, ";"):
            lines.append(())
        else:
            lines[-1] = (*lines[-1], word.kind)
    return [line for line in lines if line]


def test_lines_of_real_dumps_give_larks_trees() -> None:
    assert all(same("iptables", "line", line) for line in iptables_lines())
    assert all(same("nft", start, line) for line in nft_lines() for start in ("rule", "line", "element"))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mixed_up_lines_give_larks_trees(data: st.DataObject) -> None:
    grammar, start, lines = data.draw(
        st.sampled_from(
            [("iptables", "line", iptables_lines()), ("nft", "rule", nft_lines()), ("nft", "line", nft_lines())]
        )
    )
    words = [word for line in lines for word in line]
    line = list(data.draw(st.sampled_from(lines)))
    for _ in range(data.draw(st.integers(0, 3))):
        position = data.draw(st.integers(0, len(line)))
        line[position : position + data.draw(st.integers(0, 1))] = data.draw(
            st.lists(st.sampled_from(words), max_size=2)
        )
    assert same(grammar, start, tuple(line))


def test_shapes_are_remembered_by_kind_not_by_text() -> None:
    assert parser("iptables").parse("line", ("-A", "WORD")) is parser("iptables").parse("line", ("-A", "WORD"))


@pytest.mark.parametrize(("kinds", "position"), [(("-A",), 1), (("-A", "WORD", "-p"), 3), (("WORD",), 0), ((), 0)])
def test_a_misfit_is_told_by_its_position(kinds: tuple[str, ...], position: int) -> None:
    assert parser("iptables").parse("line", kinds) == Misfit(position)
