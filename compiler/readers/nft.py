"""Read nftables text: `nft list ruleset`, and the commands of `nft -f`.

Blocks nest by braces and are followed here; what stands in them is parsed by grammar/nft.lark, a rule, a line or an
element of a set at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from kcompile.ir.ruleset import (
    Base,
    Chain,
    ChainType,
    Element,
    Hook,
    NamedSet,
    Rule,
    Ruleset,
    Table,
    TableFamily,
    UnknownLine,
    UnknownStatement,
)
from kcompile.readers.nft_expressions import Reader
from kcompile.readers.nft_statements import items_of
from kcompile.readers.nft_words import NEWLINE, Word, words_of
from kcompile.readers.parser import Misfit, Node, Parser, parser
from kcompile.readers.values import integer, seconds

# The names of priorities (nft(8)); bridge tables have their own.
PRIORITIES = MappingProxyType({"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100})
BRIDGE_PRIORITIES = MappingProxyType({"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300})

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_HOOKS = ("ingress", "prerouting", "input", "forward", "output", "postrouting", "egress")
# What opens a block; within a chain or a set, braces belong to anonymous sets.
_BLOCKS = frozenset(
    {"table", "chain", "set", "map", "flowtable", "counter", "quota", "limit", "ct", "secmark", "synproxy", "meter"}
)


@dataclass(slots=True)
class ChainData:
    rules: list[Rule] = field(default_factory=list)
    base: Base | None = None
    comment: str = ""
    line: int = 0


@dataclass(slots=True)
class SetData:
    key_types: tuple[str, ...] = ()
    value_types: tuple[str, ...] = ()
    elements: list[Element] = field(default_factory=list)
    flags: frozenset[str] = frozenset()
    timeout: float = 0
    comment: str = ""
    line: int = 0
    declared: str = ""
    size: int = 0
    merges: bool = False


@dataclass(slots=True)
class TableData:
    family: TableFamily
    name: str
    chains: dict[str, ChainData] = field(default_factory=dict)
    sets: dict[str, SetData] = field(default_factory=dict)
    dormant: bool = False
    comment: str = ""


@dataclass(slots=True)
class Tables:
    """The tables while they are read. JSON and text fill the same."""

    source: str = ""
    tables: dict[tuple[str, str], TableData] = field(default_factory=dict)
    unknown: list[UnknownLine] = field(default_factory=list)

    def table(self, family: str, name: str) -> TableData:
        known: TableFamily = family if family in _FAMILIES else "ip"  # type: ignore[assignment]
        return self.tables.setdefault((known, name), TableData(known, name))

    def finish(self) -> Ruleset:
        return Ruleset(
            tuple(_finish(table, self.source) for table in self.tables.values()), unknown=tuple(self.unknown)
        )


def _finish(table: TableData, source: str) -> Table:
    chains = {
        name: Chain(name, tuple(data.rules), data.base, data.line, data.comment) for name, data in table.chains.items()
    }
    sets = {
        name: NamedSet(
            name,
            data.key_types,
            data.value_types,
            tuple(element for element in data.elements if element.key),
            next((element.value for element in data.elements if not element.key), None),
            data.flags,
            data.timeout,
            comment=data.comment,
            line=data.line,
            declared=data.declared,
            size=data.size,
            merges=data.merges,
        )
        for name, data in table.sets.items()
    }
    return Table(
        table.family,
        table.name,
        "nft",
        MappingProxyType(chains),
        MappingProxyType(sets),
        table.dormant,
        source,
        table.comment,
    )


def read(text: str, source: str = "") -> Ruleset:
    """The tables of nftables text. Of a rule that is not understood, the beginning that is understood is kept."""
    return _Blocks(text, source).read()


Context = Literal["top", "table", "chain", "set", "object"]


class _Blocks:
    """Walks through the words of a text and its nested blocks."""

    def __init__(self, text: str, source: str) -> None:
        self._parser: Parser = parser("nft")
        self._words = list(words_of(text, self._parser.keywords))
        self._lines = text.split("\n")
        self._at = 0
        self._tables = Tables(source)
        self._table: TableData | None = None
        self._chain: ChainData | None = None
        self._set: SetData | None = None

    def read(self) -> Ruleset:
        contexts: list[Context] = ["top"]
        while self._at < len(self._words):
            word = self._words[self._at]
            if word.kind in (NEWLINE, ";"):
                self._at += 1
            elif word.kind == "}":
                self._at += 1
                if len(contexts) > 1:
                    contexts.pop()
            else:
                opened = self._statement(contexts[-1])
                if opened:
                    contexts.append(opened)
        return self._tables.finish()

    def _statement(self, context: Context) -> Context | None:
        """Read one line, command or rule; the context of the block that it opens."""
        words = self._take(context)
        first = words[0].kind
        opens = words[-1].kind == "{"
        if context == "chain" and first not in ("type", "policy", "comment"):
            self._rule(words, self._chain)
            return None
        if context == "object":
            return "object" if opens else None
        # `add rule T C …` is parsed as its head and a rule, so that an unknown rule keeps its place.
        tree = self._parser.parse("line", tuple(word.kind for word in words))
        if isinstance(tree, Misfit):
            if self._unknown_rule(words):
                return None
            self._tables.unknown.append(UnknownLine(self._tables.source, words[0].line, self._line(words[0].line)))
            if opens and self._elements_follow(words):
                self._elements(None)
                return None
            return "object" if opens else None
        return self._line_of(tree, words, opens)

    def _take(self, context: Context) -> list[Word]:
        """The words up to the end of a line, a semicolon, or the brace that opens a block."""
        words: list[Word] = []
        depth = 0
        while self._at < len(self._words):
            word = self._words[self._at]
            if word.kind == "{":
                words.append(word)
                self._at += 1
                if depth == 0 and context != "chain" and self._opens_block(words):
                    return words
                depth += 1
                continue
            if word.kind == "}":
                if depth == 0:
                    return words
                depth -= 1
            elif depth == 0 and word.kind in (NEWLINE, ";"):
                return words
            if word.kind != NEWLINE:
                words.append(word)
            self._at += 1
        return words

    def _opens_block(self, words: Sequence[Word]) -> bool:
        kinds = [word.kind for word in words[:3]]
        if kinds[0] in ("add", "create"):
            return kinds[1] in _BLOCKS or kinds[1] == "element"
        return kinds[0] in _BLOCKS or kinds[:2] == ["elements", "="]

    def _line(self, number: int) -> str:
        return self._lines[number - 1].strip()

    # ------------------------------------------------------------ lines

    def _line_of(self, tree: Node, words: list[Word], opens: bool) -> Context | None:
        texts = [word.text for word in words if word.kind != "{"]
        line = words[0].line
        name = tree.name
        if name in ("table", "add_table"):
            rest = texts[2:] if texts[0] in ("add", "create") else texts[1:]
            family = rest[0] if len(rest) > 1 else "ip"
            self._table = self._tables.table(family, rest[-1])
            self._chain = self._set = None
            return "table" if opens else None
        if name == "chain":
            self._open(self._owner().chains.setdefault(texts[1], ChainData(line=line)))
            return "chain"
        if name == "set":
            self._open(self._owner().sets.setdefault(texts[1], SetData(line=line)))
            return "set"
        if name == "object":
            return "object"
        if name in ("add_chain", "add_set"):
            table = self._addressed(texts[2:])
            if name == "add_chain":
                self._open(table.chains.setdefault(texts[-1], ChainData(line=line)))
                return "chain" if opens else None
            self._open(table.sets.setdefault(texts[-1], SetData(line=line)))
            return "set"
        if name == "add_element":
            held = self._addressed(texts[2:]).sets.get(texts[-1])
            if held is None:
                self._tables.unknown.append(UnknownLine(self._tables.source, line, self._line(line)))
            self._elements(held)
            return None
        if name == "elements":
            self._elements(self._set)
            return None
        if name == "add_rule":
            self._add_rule(words)
            return None
        if name in ("flush_ruleset", "drop_table", "drop_chain", "drop_set"):
            self._drop(name, texts)
            return None
        self._property(name, tree, words)
        return None

    def _open(self, data: ChainData | SetData) -> None:
        """Enter the block of a chain or a set: the properties that follow are its own."""
        self._chain = data if isinstance(data, ChainData) else None
        self._set = data if isinstance(data, SetData) else None

    def _owner(self) -> TableData:
        """The table around a chain or set; text that begins in the middle has a nameless one."""
        if self._table is None:
            self._table = self._tables.table("ip", "")
        return self._table

    def _addressed(self, texts: Sequence[str]) -> TableData:
        """The table of `[family] table name`, the last words of a command."""
        return self._tables.table(texts[0], texts[1]) if len(texts) > 2 else self._tables.table("ip", texts[0])

    def _drop(self, name: str, texts: list[str]) -> None:
        if name == "flush_ruleset":
            family = texts[2] if len(texts) > 2 else None
            for key in [key for key in self._tables.tables if family in (None, key[0])]:
                del self._tables.tables[key]
            return
        keep = texts[0] == "flush"
        if name == "drop_table":
            family = texts[2] if len(texts) > 3 else "ip"
            table = self._tables.tables.get((family, texts[-1]))
            if table is not None and keep:
                for chain in table.chains.values():
                    chain.rules.clear()
            elif table is not None:
                del self._tables.tables[family, texts[-1]]
            return
        owner = self._addressed(texts[2:])
        if name == "drop_chain" and texts[-1] in owner.chains:
            if keep:
                owner.chains[texts[-1]].rules.clear()
            else:
                del owner.chains[texts[-1]]
        elif name == "drop_set" and texts[-1] in owner.sets:
            if keep:
                owner.sets[texts[-1]].elements.clear()
            else:
                del owner.sets[texts[-1]]

    def _property(self, name: str, tree: Node, words: list[Word]) -> None:
        texts = [word.text for word in words]
        try:
            if self._chain is not None and name == "hook":
                self._chain.base = _base(texts, self._owner().family, self._chain.base)
            elif self._chain is not None and name == "policy":
                self._chain.base = _with_policy(self._chain.base, texts[1])
            elif self._set is not None and name in ("key_type", "key_typeof"):
                self._set.key_types, self._set.value_types = self._types(tree, texts)
                self._set.declared = " ".join(texts)
            elif self._set is not None and name == "flags":
                self._set.flags |= {text for text in texts[1:] if text != ","}
            elif self._set is not None and name == "property" and texts[0] == "timeout":
                self._set.timeout = float(seconds(texts[1]))
            elif self._set is not None and name == "property" and texts[0] == "size":
                self._set.size = integer(texts[1])
            elif self._set is not None and name == "property" and texts[0] == "auto-merge":
                self._set.merges = True
            elif name == "block_comment":
                (self._set or self._chain or self._owner()).comment = texts[1]
            elif name == "flags" and "dormant" in texts:
                self._owner().dormant = True
        except ValueError:
            self._tables.unknown.append(UnknownLine(self._tables.source, words[0].line, self._line(words[0].line)))

    def _types(self, tree: Node, texts: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if tree.name == "key_typeof":
            reader = Reader(texts, "inet")
            sides = [reader.expression(child).types for child in tree.children if isinstance(child, Node)]
            return sides[0], sides[1] if len(sides) > 1 else ()
        middle = texts.index(":") if ":" in texts else len(texts)
        return tuple(t for t in texts[1:middle] if t != "."), tuple(t for t in texts[middle + 1 :] if t != ".")

    # ------------------------------------------------------------ elements

    def _elements_follow(self, words: Sequence[Word]) -> bool:
        return [word.kind for word in words[:2]] in (["add", "element"], ["elements", "="])

    def _elements(self, held: SetData | None) -> None:
        """Read elements up to the closing brace."""
        words: list[Word] = []
        depth = 0
        while self._at < len(self._words):
            word = self._words[self._at]
            self._at += 1
            if word.kind == NEWLINE:
                continue
            if depth == 0 and word.kind in (",", "}"):
                if words and held is not None:
                    self._element(words, held)
                words = []
                if word.kind == "}":
                    return
                continue
            depth += (word.kind == "{") - (word.kind == "}")
            words.append(word)

    def _element(self, words: list[Word], held: SetData) -> None:
        tree = self._parser.parse("element", tuple(word.kind for word in words))
        try:
            if isinstance(tree, Misfit):
                raise ValueError("element")
            reader = Reader([word.text for word in words], "inet")
            value_types = () if held.value_types == ("verdict",) else held.value_types
            held.elements.append(reader.element(tree, held.key_types, value_types, words[0].line))
        except ValueError:
            text = " ".join(word.text for word in words)
            self._tables.unknown.append(UnknownLine(self._tables.source, words[0].line, text))

    # ------------------------------------------------------------ rules

    def _rule(self, words: list[Word], chain: ChainData | None) -> None:
        if chain is not None:
            text = self._line(words[0].line)
            chain.rules.append(parse_rule(self._parser, words, self._owner().family, words[0].line, text))

    def _add_rule(self, words: list[Word]) -> None:
        at = 3 if words[2].text in _FAMILIES and len(words) > 4 else 2
        table = self._addressed([word.text for word in words[2 : at + 2]])
        chain = table.chains.setdefault(words[at + 1].text, ChainData())
        rule = parse_rule(self._parser, words[at + 2 :], table.family, words[0].line, self._line(words[0].line))
        if words[0].kind == "insert":
            chain.rules.insert(0, rule)
        else:
            chain.rules.append(rule)

    def _unknown_rule(self, words: list[Word]) -> bool:
        """`add rule` with a rule that does not parse: keep it in its chain."""
        if len(words) < 5 or words[0].kind not in ("add", "insert", "create") or words[1].kind != "rule":
            return False
        self._add_rule(words)
        return True


def parse_rule(grammar: Parser, words: Sequence[Word], family: str, line: int, text: str) -> Rule:
    """One rule. Of a rule that does not parse, the longest beginning that does is kept, and the rest is unknown."""
    kinds = tuple(word.kind for word in words)
    tree = grammar.parse("rule", kinds)
    rest = ""
    if isinstance(tree, Misfit):
        length = min(tree.position, len(kinds) - 1)
        while isinstance(tree := grammar.parse("rule", kinds[:length]), Misfit):
            length -= 1
        rest = " ".join(word.text for word in words[length:])
    items, comment = items_of(Reader([word.text for word in words], family), tree)
    return Rule((*items, UnknownStatement(rest)) if rest else items, line, text, comment)


def _base(texts: list[str], family: str, before: Base | None) -> Base:
    kind, hook = texts[1], texts[3]
    if kind not in ("filter", "nat", "route") or hook not in _HOOKS:
        raise ValueError(f"type {kind} hook {hook}")
    at = texts.index("priority")
    devices = tuple(text for text in texts[4:at] if text not in ("device", "devices", "=", "{", "}", ","))
    policy: Literal["accept", "drop"] = before.policy if before else "accept"
    chain_type: ChainType = kind  # type: ignore[assignment]
    known_hook: Hook = hook  # type: ignore[assignment]
    return Base(chain_type, known_hook, priority(texts[at + 1 :], family), policy, devices)


def priority(words: Sequence[str], family: str) -> int:
    """`-100`, `filter`, `dstnat + 10` as a number."""
    names = BRIDGE_PRIORITIES if family == "bridge" else PRIORITIES
    number = names[words[0]] if words[0] in names else int(words[0])
    if len(words) == 3:
        number += int(words[2]) if words[1] == "+" else -int(words[2])
    return number


def _with_policy(base: Base | None, policy: str) -> Base | None:
    if base is None or policy not in ("accept", "drop"):
        raise ValueError(f"policy {policy}")
    return Base(base.type, base.hook, base.priority, policy, base.devices)  # type: ignore[arg-type]
