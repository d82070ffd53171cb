"""Read `ipset save` text (what `ipset restore` loads) by grammar/ipset.lark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from kcompile.ir.ruleset import Component, Element, NamedSet, Ruleset, TableFamily, UnknownLine
from kcompile.readers.parser import Misfit, Node, parser
from kcompile.readers.values import integer, interface, network, port_range, protocol

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


@dataclass(slots=True)
class _Set:
    kind: str
    line: int
    family: TableFamily | None = "ip"
    timeout: float = 0
    elements: dict[tuple[Component, ...], Element] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.kind.partition(":")[2].split(","))


def read(text: str, source: str = "") -> Ruleset:
    """The ipsets of a text."""
    grammar = parser("ipset")
    sets: dict[str, _Set] = {}
    unknown: list[UnknownLine] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        words = [(quoted, "STRING") if quoted or not bare else (bare, "") for quoted, bare in _WORD.findall(line)]
        kinds = tuple(kind or (word if word in grammar.keywords else "WORD") for word, kind in words)
        tree = grammar.parse("line", kinds)
        try:
            if isinstance(tree, Misfit):
                raise ValueError(line)
            _line(tree, [word for word, _ in words], number, sets)
        except (ValueError, KeyError):
            unknown.append(UnknownLine(source, number, line))
    return Ruleset(
        ipsets=MappingProxyType({name: _finish(name, data) for name, data in sets.items()}), unknown=tuple(unknown)
    )


def _line(tree: Node, words: list[str], line: int, sets: dict[str, _Set]) -> None:
    options = [
        [words[position] for position in child.children if isinstance(position, int)]
        for child in tree.children
        if isinstance(child, Node)
    ]
    if tree.name == "create":
        made = _Set(words[2], line)
        if made.kind.startswith("bitmap:port") or made.kind == "list:set":
            made.family = None
        for option in options:
            if option[0] == "family" and made.family is not None:
                made.family = {"inet": "ip", "inet6": "ip6"}[option[1]]  # type: ignore[assignment]
            elif option[0] == "timeout":
                made.timeout = float(integer(option[1]))
        sets[words[1]] = made
    elif tree.name in ("add", "delete"):
        held = sets[words[1]]
        if held.kind == "list:set":
            if tree.name == "add":
                held.members.append(words[2])
            elif words[2] in held.members:
                held.members.remove(words[2])
            return
        for key in entry(held.kind, held.dimensions, words[2]):
            if tree.name == "delete":
                held.elements.pop(key, None)
                continue
            comment = next((option[1] for option in options if option[0] == "comment"), "")
            exclude = any(option[0] == "nomatch" for option in options)
            held.elements[key] = Element(key, comment=comment, line=line, exclude=exclude)
    elif tree.name == "empty":
        destroyed = words[0] in ("destroy", "-X")
        for name in [words[1]] if len(words) > 1 else list(sets):
            if destroyed:
                del sets[name]
            else:
                sets[name].elements.clear()
    elif tree.name == "rename":
        if words[0] in ("swap", "-W"):
            sets[words[1]], sets[words[2]] = sets[words[2]], sets[words[1]]
        else:
            sets[words[2]] = sets.pop(words[1])


def entry(kind: str, dimensions: Sequence[str], text: str) -> list[tuple[Component, ...]]:
    """The keys of one entry: `10.0.0.1,tcp:80,10.0.0.2`. A port gives its protocol too, but for a bitmap of ports.

    ICMP entries (`icmp:echo-request`) match no port and give no key.
    """
    parts = text.split(",")
    if len(parts) != len(dimensions):
        raise ValueError(f"{len(parts)} parts for {kind}")
    key: list[Component] = []
    for dimension, part in zip(dimensions, parts, strict=True):
        if dimension in ("ip", "net"):
            key.append(network(part)[1])
        elif dimension == "port":
            name, colon, ports = part.rpartition(":")
            if not kind.startswith("bitmap"):
                # Without a protocol TCP is meant (ipset(8)).
                number = protocol(name) if colon else 6
                if number in (1, 58):
                    return []
                key.append((number, number))
            key.append(port_range(ports, "-"))
        elif dimension == "mark":
            number = integer(part)
            key.append((number, number))
        elif dimension == "iface":
            key.append(interface(part.removeprefix("physdev:"), "\0"))
        elif dimension == "mac":
            number = int(part.replace(":", ""), 16)
            key.append((number, number))
        else:
            raise ValueError(f"dimension {dimension}")
    return [tuple(key)]


def _finish(name: str, data: _Set) -> NamedSet:
    return NamedSet(
        name,
        data.dimensions,
        elements=tuple(data.elements.values()),
        timeout=data.timeout,
        family=data.family,
        kind=data.kind,
        lists=tuple(data.members),
        line=data.line,
    )
