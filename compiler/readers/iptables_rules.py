"""The words and the rules of iptables text, by grammar/iptables.lark: one line at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from kcompile.ir.ruleset import Item, Rule
from kcompile.readers.iptables_matches import build_base, build_match, owns
from kcompile.readers.iptables_options import SYNONYMS, Extension, Items, Option
from kcompile.readers.iptables_targets import build_target
from kcompile.readers.parser import Misfit, Node, parser

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]\S*|"\S*')
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\]")


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
    return options_of([word.text for word in words], nodes_of(tree))


def nodes_of(tree: Node) -> tuple[Node, ...]:
    return tuple(child for child in tree.children if isinstance(child, Node))


class RuleBuilder:
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
