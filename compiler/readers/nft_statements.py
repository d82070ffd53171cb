"""Statements of nft rules as items, from parsed words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kcompile.ir.ruleset import (
    Assumed,
    Binary,
    Compare,
    Component,
    Constant,
    Element,
    Elements,
    Expression,
    Field,
    Interval,
    Item,
    Lookup,
    Member,
    Nat,
    NoEffect,
    NoTrack,
    Reject,
    SetField,
    SetReference,
    Unknown,
    UnknownStatement,
    UpdateSet,
    VerdictMap,
)
from kcompile.readers.iptables_targets import nat_destination
from kcompile.readers.nft_expressions import Reader, Typed, fold
from kcompile.readers.nft_types import BITMASKS, HARMLESS
from kcompile.readers.parser import Node
from kcompile.readers.values import seconds

LARGEST = (1 << 128) - 1
_WORDS = {"eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">="}


def items_of(reader: Reader, rule: Node) -> tuple[tuple[Item, ...], str]:
    """The items of a parsed rule, and its comment. What a statement does not make sense of is unknown."""
    items: list[Item] = []
    comment = ""
    for child in rule.children:
        assert isinstance(child, Node)
        if child.name == "comment":
            comment = reader.texts(child)[1]
            continue
        try:
            items += statement(reader, child)
        except (ValueError, KeyError, IndexError):
            text = reader.text(child)
            items.append(Unknown(text) if child.name == "match" else UnknownStatement(text))
    return tuple(items), comment


def statement(reader: Reader, node: Node) -> Sequence[Item]:
    """The items of one statement."""
    name = node.name
    if name == "match":
        return _match(reader, node)
    if name == "verdict_map":
        key_node, container = (child for child in node.children if isinstance(child, Node))
        key = reader.expression(key_node)
        return *key.implied, VerdictMap(key.expression, reader.container(container, key.types))
    if name == "reject":
        words = reader.texts(node)
        return (Reject("tcp-reset" if "reset" in words else words[-1] if len(words) > 1 else ""),)
    if name in ("accept", "drop", "continue_", "return_", "jump", "goto", "queue"):
        return (reader.verdict(node),)
    if name == "mangle":
        return _mangle(reader, node)
    if name == "translate":
        return _translate(reader, node)
    if name == "translate_here":
        return _translate_here(reader, node)
    if name in ("limit", "quota", "connection_limit"):
        # One packet alone keeps within any limit.
        return (Assumed(reader.text(node), "over" not in reader.texts(node)),)
    if name in ("counter", "log", "no_effect"):
        return (NoEffect(reader.text(node)),)
    if name == "notrack":
        return (NoTrack(),)
    if name == "update":
        return _update(reader, node)
    if name == "meter":
        return _meter(reader, node)
    if name == "xt_match":
        words = reader.texts(node)
        return (NoEffect("comment"),) if words[-1] == "comment" else (Unknown(reader.text(node)),)
    return (UnknownStatement(reader.text(node)),)


# ---------------------------------------------------------------- matches


def _match(reader: Reader, node: Node) -> Sequence[Item]:
    children = [child for child in node.children if isinstance(child, Node)]
    left = reader.expression(children[0])
    relation = ""
    if children[1].name == "relation":
        relation = reader.texts(children[1])[0]
        relation = _WORDS.get(relation, relation)
    right = children[-1]
    if isinstance(left.expression, Unknown):
        return *left.implied, Unknown(reader.text(node))
    if right.name in ("set_reference", "anonymous_set"):
        container = reader.container(right, left.types)
        negate = relation == "!="
        if isinstance(container, Elements) and len(left.types) == 1:
            values = tuple(element.key[0] for element in container.elements)
            return *left.implied, Compare(left.expression, values, negate)
        return *left.implied, Member(left.expression, container, negate)
    if right.name == "masked_flags":
        wanted, mask = (_or(reader, child, left.types) for child in right.children if isinstance(child, Node))
        masked = Binary("&", left.expression, Constant(mask))
        return *left.implied, Compare(masked, ((wanted, wanted),), relation == "!=")
    values_node = [child for child in right.children if isinstance(child, Node)]
    if left.types[0] in BITMASKS and len(left.types) == 1 and relation in ("", "!"):
        # Without an operator nft asks whether one of the flags is set.
        masked = Binary("&", left.expression, Constant(_or(reader, right, left.types)))
        return *left.implied, Compare(masked, ((0, 0),), relation == "")
    if len(left.types) > 1:
        keys = tuple(Element(reader.components(child, left.types)) for child in values_node)
        return *left.implied, Member(left.expression, Elements(keys), relation == "!=")
    if left.types[0] in BITMASKS:
        number = _or(reader, right, left.types)
        return *left.implied, Compare(left.expression, ((number, number),), relation == "!=")
    values = tuple(reader.components(child, left.types)[0] for child in values_node)
    if isinstance(left.expression, Constant):
        # `fib saddr oif missing`: a constant here stands for what is taken for granted.
        return (Assumed(reader.text(node), ((left.expression.value,) * 2 in values) != (relation == "!=")),)
    return *left.implied, Compare(left.expression, _related(relation, values), relation == "!=")


def _or(reader: Reader, node: Node, types: Sequence[str]) -> int:
    """Flags, listed with commas, as one number."""
    total = 0
    for child in node.children:
        if isinstance(child, Node):
            value = reader.components(child, types)[0]
            if isinstance(value, str):
                raise ValueError(f"`{value}` is no flag")
            total |= value[0]
    return total


def _related(relation: str, values: tuple[Component, ...]) -> tuple[Component, ...]:
    """The values that stand in a relation to the ones given."""
    if relation in ("", "==", "!="):
        return values
    (value,) = values
    if isinstance(value, str) or relation == "!":
        raise ValueError(f"{relation} of {value}")
    low, high = value
    if relation == "<":
        return ((0, low - 1),) if low else ()
    if relation == "<=":
        return ((0, high),)
    return ((high + 1, LARGEST),) if relation == ">" else ((low, LARGEST),)


# ---------------------------------------------------------------- statements that change something


def _mangle(reader: Reader, node: Node) -> Sequence[Item]:
    children = [child for child in node.children if isinstance(child, Node)]
    target = reader.expression(children[0])
    if target.name in HARMLESS or target.name.startswith("tcp option"):
        return (NoEffect(reader.text(node)),)
    if not isinstance(target.expression, Field):
        return (UnknownStatement(reader.text(node)),)
    value = _value(reader, children[1], target)
    return *target.implied, *value.implied, SetField(target.expression, value.expression)


def _value(reader: Reader, node: Node, target: Typed) -> Typed:
    """What is put into a field: an expression, a map, or a value of the field's own type."""
    if node.name != "set_value":
        if node.name == "map":
            key_node, container = (child for child in node.children if isinstance(child, Node))
            key = reader.expression(key_node)
            held = _typed_container(reader, container, key.types, target.types)
            return Typed(Lookup(key.expression, held), target.types, key.implied)
        typed = reader.expression(node)
        return replace(typed, expression=fold(typed.expression))
    value = node.children[0]
    assert isinstance(value, Node)
    return Typed(Constant(_or(reader, value, target.types)), target.types)


def _typed_container(
    reader: Reader, node: Node, types: Sequence[str], value_types: Sequence[str]
) -> SetReference | Elements:
    if node.name == "set_reference":
        return reader.container(node, types)
    elements = [reader.element(child, types, value_types) for child in node.children if isinstance(child, Node)]
    default = next((element.value for element in elements if not element.key), None)
    return Elements(tuple(element for element in elements if element.key), default)


def _translate(reader: Reader, node: Node) -> Sequence[Item]:
    words = reader.texts(node)
    kind = words[0]
    flags = tuple(reader.text(c) for c in node.children if isinstance(c, Node) and c.name == "nat_flag")
    flags = tuple(flag for flag in flags if flag != ",")
    if "prefix" in flags:
        raise ValueError("a prefix is not followed")
    targets = [c for c in node.children if isinstance(c, Node) and c.name not in ("nat_family", "pair", "nat_flag")]
    if targets:
        value = reader.expression(targets[0])
        return *value.implied, Nat(kind, value.expression, flags=flags)  # type: ignore[arg-type]
    place = words[words.index("to") + 1 :]
    text = "".join(place[: 3 if place[1:2] == [":"] else 1])
    address, port = nat_destination(text)
    return (Nat(kind, address, port, flags=flags),)  # type: ignore[arg-type]


def _translate_here(reader: Reader, node: Node) -> Sequence[Item]:
    words = reader.texts(node)
    port: Interval | None = None
    if "to" in words:
        port = nat_destination(words[words.index("to") + 1])[1]
    flags = tuple(reader.text(c) for c in node.children if isinstance(c, Node) and c.name == "nat_flag")
    return (Nat(words[0], None, port, flags=tuple(f for f in flags if f != ",")),)  # type: ignore[arg-type]


def _update(reader: Reader, node: Node) -> Sequence[Item]:
    words = [reader.words[child] for child in node.children if isinstance(child, int)]
    children = [child for child in node.children if isinstance(child, Node)]
    key = reader.expression(children[0])
    timeout = 0.0
    extra: list[Item] = []
    value: Expression | None = None
    for child in children[1:]:
        if child.name != "element_option":
            value = _value(reader, child, Typed(Constant(0), ("integer",))).expression
            continue
        inner = child.children[0]
        if isinstance(inner, Node):
            extra += [item for item in statement(reader, inner) if isinstance(item, Assumed)]
        elif reader.words[inner] == "timeout":
            timeout = float(seconds(reader.texts(child)[1]))
    operation = words[0]
    change = UpdateSet(operation, SetReference(words[1][1:]), key.expression, value, timeout)  # type: ignore[arg-type]
    return *key.implied, change, *extra


def _meter(reader: Reader, node: Node) -> Sequence[Item]:
    """An old way to write `add @name { key limit … }`; what it remembers is a rate."""
    found: list[Item] = []
    for child in node.children:
        if isinstance(child, Node) and child.name == "element_option" and isinstance(child.children[0], Node):
            found += [item for item in statement(reader, child.children[0]) if isinstance(item, Assumed)]
    return found or (NoEffect(reader.text(node)),)
