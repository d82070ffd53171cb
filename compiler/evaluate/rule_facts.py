"""What the rules of a ruleset are about: the addresses that stand in them, and the chains that they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from kcompile.evaluate.layout import Layout, PlacedRule
from kcompile.ir.ruleset import (
    Chance,
    Compare,
    Concat,
    Container,
    Elements,
    Expression,
    Field,
    InIPSet,
    Interval,
    Lookup,
    Member,
    NamedSet,
    Nat,
    NoEffect,
    Rule,
    SetReference,
    Table,
    UpdateSet,
    Verdict,
    VerdictMap,
)


def constants(rule: Rule, table: Table, layout: Layout) -> Iterator[Interval]:
    """The intervals of addresses that stand in a rule and in the sets that it looks into."""
    for item in rule.items:
        if isinstance(item, Compare):
            if not _is_address(item.expression):
                continue
            yield from (value for value in item.values if isinstance(value, tuple))
        elif isinstance(item, Member):
            yield from _set_addresses(item.expression, item.container, table)
        elif isinstance(item, VerdictMap):
            yield from _set_addresses(item.key, item.container, table)
        elif isinstance(item, InIPSet):
            held = layout.prepared.ruleset.ipsets.get(item.reference.name)
            if held is not None:
                places = [n for n, kind in enumerate(_ipset_kinds(held)) if kind in ("ip", "net")]
                for element in held.elements:
                    yield from (part for n in places if isinstance(part := element.key[n], tuple))
        elif isinstance(item, Nat):
            yield from _nat_addresses(item, table)


def _is_address(expression: Expression) -> bool:
    return isinstance(expression, Field) and expression.name in ("saddr", "daddr")


def _set_addresses(key: Expression, container: Container, table: Table) -> Iterator[Interval]:
    parts = key.parts if isinstance(key, Concat) else (key,)
    places = [n for n, part in enumerate(parts) if _is_address(part)]
    held = held_by(container, table)
    if held is not None and places:
        for element in held.elements:
            if len(element.key) == len(parts):
                yield from (part for n in places if isinstance(part := element.key[n], tuple))


def _nat_addresses(item: Nat, table: Table) -> Iterator[Interval]:
    if isinstance(item.address, tuple):
        if item.address[0] == item.address[1]:
            yield item.address
    elif isinstance(item.address, Lookup):
        yield from _set_addresses(item.address.key, item.address.container, table)
        held = held_by(item.address.container, table)
        for element in held.elements if held else ():
            if isinstance(element.value, tuple) and isinstance(element.value[0], tuple):
                yield element.value[0]


def held_by(container: Container, table: Table) -> NamedSet | Elements | None:
    """The set of a reference, or the elements that stand in the rule."""
    return table.sets.get(container.name) if isinstance(container, SetReference) else container


def _ipset_kinds(held: NamedSet) -> list[str]:
    """The dimensions of an ipset as its keys have them: a port with its protocol, but for a bitmap."""
    kinds: list[str] = []
    for kind in held.key_types:
        kinds += ["protocol", "port"] if kind == "port" and not held.kind.startswith("bitmap") else [kind]
    return kinds


def targets(rule: Rule, table: Table) -> Iterator[str]:
    """The chains that a rule may lead to."""
    for item in rule.items:
        if isinstance(item, Verdict) and item.chain:
            yield item.chain
        elif isinstance(item, VerdictMap):
            held = held_by(item.container, table)
            values = [element.value for element in held.elements] + [held.default] if held else []
            yield from (value.chain for value in values if isinstance(value, Verdict) and value.chain)


def updated(table: Table) -> frozenset[tuple[str, str]]:
    """The sets and ipsets that the rules of a table change."""
    return frozenset(
        ("set" if isinstance(item.container, SetReference) else "ipset", item.container.name)
        for chain in table.chains.values()
        for rule in chain.rules
        for item in rule.items
        if isinstance(item, UpdateSet)
    )


def cascade(rules: Sequence[PlacedRule]) -> int:
    """How many rules from the first on share packets evenly: each jumps with its part of what the ones before it left,
    the last one always. 0 for none."""
    first = _chance_and_jump(rules[0])
    if first is None or first.numerator != 1 or not 2 <= first.denominator <= len(rules):
        return 0
    count = first.denominator
    shares = map(_chance_and_jump, rules[:count])
    return count if all(share == Fraction(1, count - n) for n, share in enumerate(shares)) else 0


def _chance_and_jump(placed: PlacedRule) -> Fraction | None:
    """The share of packets with which a rule jumps, if that is all it does."""
    items = [item for item in placed.rule.items if not isinstance(item, NoEffect)]
    if not items or not isinstance(items[-1], Verdict) or items[-1].kind != "jump":
        return None
    if len(items) == 1:
        return Fraction(1)
    return items[0].probability if len(items) == 2 and isinstance(items[0], Chance) else None
