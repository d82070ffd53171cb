"""Read iptables-save, ip6tables-save, iptables-restore and `iptables -S` text, of the legacy and the nft variants.

Lines are parsed by grammar/iptables.lark. Such text does not say which family it is for: its addresses do, or the
comment that the tool writes on top.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Literal, NamedTuple

from kcompile.ir.ruleset import Base, Chain, ChainType, Hook, Item, Rule, Ruleset, Table, UnknownLine, UnknownStatement
from kcompile.readers.iptables_matches import build_base, build_match, owns
from kcompile.readers.iptables_options import SYNONYMS, Extension, Items, Option
from kcompile.readers.iptables_targets import build_target
from kcompile.readers.parser import Misfit, Node, parser

Family = Literal["ip", "ip6"]

# Where the built-in chains hang, and in which order the tables come there (netfilter_ipv4.h).
_PRIORITIES: Mapping[str, int] = MappingProxyType(
    {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
)
_HOOKS: Mapping[str, Hook] = MappingProxyType(
    {
        "PREROUTING": "prerouting",
        "INPUT": "input",
        "FORWARD": "forward",
        "OUTPUT": "output",
        "POSTROUTING": "postrouting",
    }
)
_HOOKS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "raw": frozenset({"PREROUTING", "OUTPUT"}),
        "mangle": frozenset(_HOOKS),
        "nat": frozenset({"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}),
        "filter": frozenset({"INPUT", "FORWARD", "OUTPUT"}),
        "security": frozenset({"INPUT", "FORWARD", "OUTPUT"}),
    }
)

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]\S*|"\S*')
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\]")
_IPV6_HINT = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]{0,15}(?![\w:])|icmp6|icmpv6")
_IPV4_HINT = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|icmp-|-p icmp ")


def base_chain(table: str, chain: str, policy: str) -> Base | None:
    """The hook of a built-in chain; None for any other."""
    if chain not in _HOOKS_OF.get(table, ()):
        return None
    kind: ChainType = "nat" if table == "nat" else "route" if (table, chain) == ("mangle", "OUTPUT") else "filter"
    priority = 100 if table == "nat" and chain in ("INPUT", "POSTROUTING") else _PRIORITIES[table]
    return Base(kind, _HOOKS[chain], priority, "drop" if policy == "DROP" else "accept")


@dataclass(slots=True)
class _Chain:
    line: int
    policy: str = "-"
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class _Section:
    """The tables of one family: what one run of iptables-save prints."""

    family: Family | None = None
    tables: dict[str, dict[str, _Chain]] = field(default_factory=dict)


class Word(NamedTuple):
    text: str
    kind: str


def words_of(line: str, keywords: Mapping[str, str]) -> Iterator[Word]:
    """The words of a line: quotes taken off, each with its kind for the parser."""
    for number, text in enumerate(_WORD.findall(line)):
        if text[0] == '"':
            body = text[1:-1] if len(text) > 1 and text[-1] == '"' else text[1:]
            yield Word(body.replace('\\"', '"').replace("\\\\", "\\") if "\\" in body else body, "WORD")
        elif text in keywords:
            yield Word(text, text)
        elif number == 0 and text[0] == "*":
            yield Word(text[1:], "TABLE")
        elif number == 0 and text[0] == ":":
            yield Word(text[1:], "CHAIN")
        elif text[0] == "[" and _COUNTERS.fullmatch(text):
            yield Word(text, "COUNTERS")
        elif text[0] == "-" and len(text) > 1 and not text[1].isdigit():
            yield Word(text, "UNKNOWN")
        else:
            yield Word(text, "WORD")


@dataclass(slots=True)
class RuleOptions:
    """The options of a rule: those of its addresses and interfaces, its matches and its target."""

    base: list[Option] = field(default_factory=list)
    matches: list[Extension] = field(default_factory=list)
    target: Extension | None = None

    @property
    def comment(self) -> str:
        return next((match.value("--comment") for match in self.matches if match.name == "comment"), "")


def options_of(words: list[str], nodes: tuple[Node, ...]) -> RuleOptions:
    """Sort the options of a parsed rule to the match or target that each belongs to."""
    found = RuleOptions()
    strays: list[Option] = []
    for option in (_option(node, words) for node in nodes):
        if option.name == "-m":
            found.matches.append(Extension(option.values[0], "-m"))
        elif option.name in ("-j", "-g"):
            found.target = Extension(option.values[0], option.name)
        elif option.name in ("-p", "-s", "-d", "-i", "-o", "-f"):
            found.base.append(option)
        elif option.name in ("-4", "-6", "-c"):
            continue
        elif found.target is not None:
            found.target.options.append(option)
        elif owner := next((m for m in reversed(found.matches) if owns(m.name, option.name)), None):
            owner.options.append(option)
        else:
            strays.append(option)
    if strays:
        # `-p tcp --dport 80` means `-p tcp -m tcp --dport 80`.
        implied = next((o.values[0] for o in found.base if o.name == "-p" and not o.negated), "")
        found.matches.append(Extension({"ipv6-icmp": "icmp6", "icmpv6": "icmp6"}.get(implied, implied), "-m", strays))
    return found


def parse_rule(line: str) -> RuleOptions | None:
    """The options of an `-A` line; None for any other line."""
    grammar = parser("iptables")
    words = list(words_of(line, grammar.keywords))
    tree = grammar.parse("line", tuple(word.kind for word in words))
    if isinstance(tree, Misfit) or tree.name != "append":
        return None
    return options_of([word.text for word in words], _nodes(tree))


def _nodes(tree: Node) -> tuple[Node, ...]:
    return tuple(child for child in tree.children if isinstance(child, Node))


class _RuleBuilder:
    """Builds rules from parsed lines. Dumps repeat most options word for word: what was built once is shared."""

    def __init__(self) -> None:
        self._shared: dict[tuple[object, ...], Items] = {}

    def build(self, options: RuleOptions, line: int, text: str) -> Rule:
        """A rule in the order in which iptables checks it: addresses and interfaces, the matches, the target."""
        items: list[Item] = []
        for option in options.base:
            items += self._share((option.name, option.values, option.negated), partial(build_base, option))
        for match in options.matches:
            key: tuple[object, ...] = (match.name, *((o.name, o.values, o.negated) for o in match.options))
            items += self._share(key, partial(build_match, match))
        if (target := options.target) is not None:
            key = (target.flag, target.name, *((o.name, o.values) for o in target.options))
            items += self._share(key, partial(build_target, target))
        return Rule(tuple(items), line, text, options.comment)

    def _share(self, key: tuple[object, ...], build: Callable[[], Items]) -> Items:
        items = self._shared.get(key)
        if items is None:
            items = self._shared[key] = build()
        return items


def _option(node: Node, words: list[str]) -> Option:
    first = node.children[0]
    if isinstance(first, int) and words[first] == "-c":
        return Option("-c")
    option = node.children[-1]
    assert isinstance(option, Node)
    name, *values = (words[position] for position in option.children if isinstance(position, int))
    return Option(SYNONYMS.get(name, name), tuple(values), negated=option is not first)


def read(text: str, source: str = "", family: Family | None = None) -> Ruleset:
    """The tables of iptables-save text. `family` is that of text which shows none; IPv4 when not given.

    A line that is not understood becomes a rule with one unknown item, in its chain, or is listed in `unknown`.
    """
    grammar = parser("iptables")
    builder = _RuleBuilder()
    sections = [_Section()]
    unknown: list[UnknownLine] = []
    table = "filter"
    hinted: Family | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line:
            continue
        if line[0] == "#":
            if line.startswith("# Generated by ip"):
                hinted = "ip6" if "ip6tables" in line else "ip"
            continue
        words = list(words_of(line, grammar.keywords))
        tree = grammar.parse("line", tuple(word.kind for word in words))
        texts = [word.text for word in words]
        section = sections[-1]
        if isinstance(tree, Misfit):
            chain = _chain_of(texts)
            if chain:
                _rules(section, table, chain, number).append(Rule((UnknownStatement(line),), number, line))
            else:
                unknown.append(UnknownLine(source, number, line))
            continue
        if tree.name == "table":
            table = texts[0]
            if table in section.tables or (hinted and section.family and hinted != section.family):
                section = _Section()
                sections.append(section)
            section.family = section.family or hinted
            hinted = None
            section.tables[table] = {}
        elif tree.name == "chain" or tree.name == "policy" or tree.name == "new_chain":
            at = 0 if tree.name == "chain" else 1
            policy = texts[at + 1] if len(texts) > at + 1 else "-"
            chains = section.tables.setdefault(table, {})
            # iptables-restore empties a user's chain that is declared.
            if texts[at] in chains and tree.name == "policy":
                chains[texts[at]].policy = policy
            else:
                chains[texts[at]] = _Chain(number, policy)
        elif tree.name in ("append", "insert"):
            section.family = section.family or _family_of(line)
            at = 1 if words[0].kind == "COUNTERS" else 0
            rules = _rules(section, table, texts[at + 1], number)
            rule = builder.build(options_of(texts, _nodes(tree)), number, line)
            if tree.name == "append":
                rules.append(rule)
            else:
                place = texts[at + 2] if len(words) > at + 2 and words[at + 2].kind == "WORD" else "1"
                rules.insert(max(0, int(place) - 1) if place.isdecimal() and len(place) < 9 else 0, rule)
    return Ruleset(
        tables=tuple(
            _finish(name, chains, section.family or family or "ip", source)
            for section in sections
            for name, chains in section.tables.items()
        ),
        unknown=tuple(unknown),
    )


def _rules(section: _Section, table: str, chain: str, line: int) -> list[Rule]:
    return section.tables.setdefault(table, {}).setdefault(chain, _Chain(line)).rules


def _chain_of(texts: list[str]) -> str:
    """The chain that a line which cannot be parsed would have gone to."""
    for position in (0, 1):
        if texts[position : position + 1] in (["-A"], ["-I"], ["--append"], ["--insert"]):
            return texts[position + 1] if len(texts) > position + 1 else ""
    return ""


def _family_of(line: str) -> Family | None:
    """What the addresses of a rule say, its quoted comment left aside."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
    if _IPV6_HINT.search(bare):
        return "ip6"
    return "ip" if _IPV4_HINT.search(bare) else None


def _finish(name: str, chains: Mapping[str, _Chain], family: Family, source: str) -> Table:
    finished = {
        chain: Chain(chain, tuple(data.rules), base_chain(name, chain, data.policy), data.line)
        for chain, data in chains.items()
    }
    return Table(family, name, "iptables", MappingProxyType(finished), source=source)
