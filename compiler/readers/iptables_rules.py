"""The words and the rules of iptables text, by grammar/iptables.lark: one line at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kcompile.ir.ruleset import Item, Rule
from kcompile.readers.iptables_matches import build_base, build_match, owns
from kcompile.readers.iptables_options import SYNONYMS, Extension, Items, Option
from kcompile.readers.iptables_targets import build_target
from kcompile.readers.parser import Misfit, Node, parser

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]\S*|"\S*')
_ESCAPED = re.compile(r"\\(.)")
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\]")


class Word(NamedTuple):
    text: str
    kind: str


def words_of(line: str, keywords: Mapping[str, str]) -> Iterator[Word]:
    """The words of a line: quotes taken off, each with its kind for the parser."""
    for number, text in enumerate(_WORD.findall(line)):
        if text[0] == '"':
            yield Word(_unquoted(text), "WORD")
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


def texts_of(line: str) -> list[str]:
    """The words of a line that begins with an option, without their kinds."""
    return [text if text[0] != '"' else _unquoted(text) for text in _WORD.findall(line)]


def _unquoted(text: str) -> str:
    body = text[1:-1] if len(text) > 1 and text[-1] == '"' else text[1:]
    return _ESCAPED.sub(r"\1", body) if "\\" in body else body


@dataclass(slots=True)
class RuleOptions:
    """The options of a rule: those of its addresses and interfaces, its matches and its target."""

    base: list[Option] = field(default_factory=list)
    matches: list[Extension] = field(default_factory=list)
    target: Extension | None = None

    @property
    def comment(self) -> str:
        return next((match.value("--comment") for match in self.matches if match.name == "comment"), "")


class _Placed(NamedTuple):
    """An option with the places of its values among the words of a line."""

    name: str
    values: tuple[int, ...]
    negated: bool

    def option(self, words: Sequence[str]) -> Option:
        return Option(self.name, tuple([words[place] for place in self.values]), self.negated)


@dataclass(slots=True)
class _Part:
    """What makes items of a rule: an option of its own, or a match or target with its options. The name of a target is
    one of the words. `made` are the items that words have been made to."""

    flag: str
    name: str | int
    options: list[_Placed] = field(default_factory=list)
    places: tuple[int, ...] = ()
    made: dict[tuple[str, ...], Items] = field(default_factory=dict)

    def extension(self, words: Sequence[str]) -> Extension:
        name = words[self.name] if isinstance(self.name, int) else self.name
        return Extension(name, self.flag, [each.option(words) for each in self.options])

    def build(self, words: Sequence[str]) -> Items:
        if not self.flag:
            return build_base(self.options[0].option(words))
        return build_match(self.extension(words)) if self.flag == "-m" else build_target(self.extension(words))


@dataclass(slots=True)
class _Form:
    """What rules of one shape with the same matches have in common. Hundreds of thousands of rules have a few dozen.

    The parts are in the order in which iptables checks them: addresses and interfaces, the matches, the target.
    """

    parts: list[_Part]
    comment: int | None

    def options(self, words: Sequence[str]) -> RuleOptions:
        found = RuleOptions()
        for part in self.parts:
            if not part.flag:
                found.base.append(part.options[0].option(words))
            elif part.flag == "-m":
                found.matches.append(part.extension(words))
            else:
                found.target = part.extension(words)
        return found


def _form(words: Sequence[str], tree: Node) -> _Form:
    """Sort the options of a parsed rule to the match or target that each belongs to."""
    base: list[_Part] = []
    matches: list[_Part] = []
    target: list[_Part] = []
    strays: list[_Placed] = []
    for placed in _options(words, tree):
        if placed.name == "-m":
            matches.append(_Part("-m", words[placed.values[0]]))
        elif placed.name in ("-j", "-g"):
            target = [_Part(placed.name, placed.values[0])]
        elif placed.name in ("-p", "-s", "-d", "-i", "-o", "-f"):
            base.append(_Part("", "", [placed]))
        elif placed.name in ("-4", "-6", "-c"):
            continue
        elif target:
            target[0].options.append(placed)
        elif owner := next((m for m in reversed(matches) if owns(str(m.name), placed.name)), None):
            owner.options.append(placed)
        else:
            strays.append(placed)
    if strays:
        # `-p tcp --dport 80` means `-p tcp -m tcp --dport 80`.
        protocols = (part.options[0] for part in base if part.options[0].name == "-p")
        implied = next((words[each.values[0]] for each in protocols if not each.negated), "")
        matches.append(_Part("-m", {"ipv6-icmp": "icmp6", "icmpv6": "icmp6"}.get(implied, implied), strays))
    parts = [*base, *matches, *target]
    for part in parts:
        named = (part.name,) if isinstance(part.name, int) else ()
        part.places = (*named, *(place for placed in part.options for place in placed.values))
    texts = next((match.options for match in matches if match.name == "comment"), [])
    comment = next((placed.values[:1] for placed in texts if placed.name == "--comment"), ())
    return _Form(parts, comment[0] if comment else None)


def _deciding(words: Sequence[str], tree: Node) -> tuple[int, ...]:
    """The words that decide about the form of rules of one shape: names of matches and protocols, and of options that
    the grammar does not know."""
    found: list[int] = []
    for option in _nodes(tree):
        name, *values = (place for place in option.children if isinstance(place, int))
        if SYNONYMS.get(words[name], words[name]) in ("-m", "-p"):
            found += values
        found.append(name)
    return tuple(found)


def _nodes(tree: Node) -> Iterator[Node]:
    """The options of a rule, without their negation."""
    for node in tree.children:
        if isinstance(node, Node):
            option = node.children[-1]
            yield option if isinstance(option, Node) else node


def _options(words: Sequence[str], tree: Node) -> Iterator[_Placed]:
    synonyms = SYNONYMS
    for node in tree.children:
        if not isinstance(node, Node):
            continue
        first, option = node.children[0], node.children[-1]
        if isinstance(first, int) and words[first] == "-c":
            continue
        assert isinstance(option, Node)
        name, *values = (place for place in option.children if isinstance(place, int))
        placed = _Placed(synonyms.get(words[name], words[name]), tuple(values), option is not first)
        if placed.name == "-m" and words[values[0]] == "policy":
            # That is an option of its own there.
            synonyms = {name: meaning for name, meaning in SYNONYMS.items() if name != "--proto"}
        yield placed


def parse_rule(line: str) -> RuleOptions | None:
    """The options of an `-A` line; None for any other line."""
    grammar = parser("iptables")
    words = list(words_of(line, grammar.keywords))
    tree = grammar.parse("line", tuple(word.kind for word in words))
    if isinstance(tree, Misfit) or tree.name != "append":
        return None
    texts = [word.text for word in words]
    return _form(texts, tree).options(texts)


class RuleBuilder:
    """Builds rules from parsed lines. Dumps repeat most options word for word: what was built once is shared."""

    def __init__(self) -> None:
        self._deciding: dict[int, tuple[Node, tuple[int, ...]]] = {}
        self._forms: dict[tuple[object, ...], _Form] = {}

    def build(self, words: Sequence[str], tree: Node, line: int, text: str) -> Rule:
        """The rule of a line."""
        form = self._form(words, tree)
        items: list[Item] = []
        for part in form.parts:
            key = tuple([words[place] for place in part.places])
            made = part.made.get(key)
            if made is None:
                made = part.made[key] = part.build(words)
            items += made
        return Rule(tuple(items), line, text, words[form.comment] if form.comment is not None else "")

    def _form(self, words: Sequence[str], tree: Node) -> _Form:
        # A tree that is kept here keeps its id.
        shape = self._deciding.get(id(tree))
        if shape is None:
            shape = self._deciding[id(tree)] = tree, _deciding(words, tree)
        key = (id(tree), *[words[place] for place in shape[1]])
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = _form(words, tree)
        return form
