"""What a form of kube-proxy's tables consists of, and the part of it that both forms share.

A form is its words, for what the two spell differently, and its layout: which lines a chain, a set and their contents
take, and in which order. Both lay out the same `rules.CHAINS` and `rules.SETS`: as commands (`commands`), and as
`nft list table` prints them (`listing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kcompile.ir.plan import Family
from kcompile.targets.nftables.rules import Chain, Element, Set
from kcompile.targets.template import Each, Line, Row


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the output.

    `rows` are filled in for every record and sorted by `order_by` if given, or, with `once`, stand as they are. With
    `separator` they are elements between `head` and `tail`, which are left out if there are none. A part of a set
    whose elements the node lists (`listed`) is the form's `listed` text instead.
    """

    rows: tuple[Row, ...] = ()
    once: bool = False
    order_by: str = ""
    separator: str = ""
    head: str = ""
    tail: str = ""
    listed: Set | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """`words` are slots that rules use (`top_bit_words` take their place where the mark is bit 31), `comma` stands
    between the elements of a map in a rule. The functions spell what a node or a Service brings along; `interval_set`
    receives networks and addresses, and the separator that kube-proxy puts between them."""

    parts: tuple[Part, ...]
    words: Mapping[str, str]
    top_bit_words: Mapping[str, str]
    comma: str
    interval_set: Callable[[Sequence[str], str], str]
    timeout: Callable[[int], str]
    interface: Callable[[str], str]
    listed: Callable[[Set, Family, Sequence[str]], str]


def once(*lines: str, when: str = "") -> Part:
    """Lines that stand whatever the records."""
    return Part(tuple(Line("", line, when) for line in lines), once=True)


def of_chain(chain: Chain, lines: Iterable[tuple[str, str, str]]) -> Part:
    """Lines of a chain (text, condition, list), for each of its kind if it is one of a kind."""
    placed = [(Line("", text, f"{chain.when} {when}".strip()), each) for text, when, each in lines]
    rows: tuple[Row, ...]
    if chain.each:
        rows = (Each(chain.each, tuple(line for line, _ in placed)),)
    else:
        rows = tuple(Each(each, (line,)) if each else line for line, each in placed)
    return Part(rows, once=not chain.order_by, order_by=chain.order_by)


def rules(chain: Chain, prefix: str) -> tuple[tuple[str, str, str], ...]:
    """The rules of a chain as lines for `of_chain`."""
    return tuple((prefix + rule.text + comment(rule.comment), rule.when, rule.each) for rule in chain.rules)


def elements(set_: Set, prefix: str = "", suffix: str = "") -> tuple[Row, ...]:
    """The elements of a set that records bring."""
    lines = ((Line("", prefix + _element(element) + suffix, element.when), element.each) for element in set_.elements)
    return tuple(Each(each, (line,)) if each else line for line, each in lines)


def _element(element: Element) -> str:
    return element.key + comment(element.comment) + (f" : {element.value}" if element.value else "")


def comment(text: str) -> str:
    return f' comment "{text}"' if text else ""
