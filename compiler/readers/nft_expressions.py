"""Expressions of nft, and the values that they are compared with, from parsed words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kcompile.ir.ruleset import (
    Binary,
    Compare,
    Component,
    Concat,
    Constant,
    Element,
    Elements,
    Expression,
    Field,
    Item,
    Lookup,
    SetReference,
    Uniform,
    Unknown,
    Verdict,
)
from kcompile.readers.nft_types import CONNTRACK, META, PAYLOADS, Source, component, guess
from kcompile.readers.parser import Node
from kcompile.readers.values import integer

OPERATORS = {"and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>"}


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression with the data types of its parts, and the matches that it implies (`tcp dport` implies TCP).

    `name` is how nft writes it.
    """

    expression: Expression
    types: tuple[str, ...]
    implied: tuple[Item, ...] = ()
    name: str = ""


class Reader:
    """Reads the nodes of one line. `family` is that of the table: only inet tables see both."""

    def __init__(self, words: Sequence[str], family: str) -> None:
        self.words = words
        self.family = family

    def texts(self, node: Node) -> list[str]:
        """The words of a node, in their order."""
        found: list[str] = []
        for child in node.children:
            found += self.texts(child) if isinstance(child, Node) else [self.words[child]]
        return found

    def text(self, node: Node) -> str:
        return " ".join(self.texts(node))

    # ------------------------------------------------------------ expressions

    def expression(self, node: Node) -> Typed:
        if node.name == "concat":
            parts = [self.expression(child) for child in node.children if isinstance(child, Node)]
            if len(parts) == 1:
                return parts[0]
            return Typed(
                Concat(tuple(part.expression for part in parts)),
                tuple(kind for part in parts for kind in part.types),
                tuple(dict.fromkeys(item for part in parts for item in part.implied)),
                " . ".join(part.name for part in parts),
            )
        if node.name == "binary":
            return self._binary(node)
        if node.name == "map":
            return self._map(node)
        words = self.texts(node)
        if node.name == "payload":
            return self._source(PAYLOADS.get((words[0], words[1])), " ".join(words))
        if node.name in ("meta", "bare_meta"):
            if words == ["meta", "random"]:
                return Typed(Uniform(1 << 32, 0, "meta random"), ("integer",), (), "meta random")
            source = META.get(words[-1])
            # `iif` and `oif` of nft are numbers, which it prints as names: there is no name for "none".
            return self._source(source, f"meta {words[-1]}")
        if node.name == "ct":
            return self._source(CONNTRACK.get(" ".join(words[1:])), " ".join(words))
        if node.name == "fib":
            return self._fib(words)
        if node.name in ("numgen", "jhash", "symhash"):
            return self._number(node, words)
        return Typed(Unknown(" ".join(words)), ("integer",), (), " ".join(words))

    def _source(self, source: Source | None, name: str) -> Typed:
        if source is None:
            return Typed(Unknown(name), ("integer",), (), name)
        implied: list[Item] = []
        if source.nfproto and self.family not in ("ip", "ip6"):
            implied.append(Compare(Field("nfproto"), ((source.nfproto, source.nfproto),)))
        if source.l4proto:
            implied.append(Compare(Field("l4proto"), ((source.l4proto, source.l4proto),)))
        return Typed(source.field, (source.type,), tuple(implied), name)

    def _fib(self, words: list[str]) -> Typed:
        result = words[-1]
        keys = {word for word in words[1:-1] if word != "."}
        name = " ".join(words)
        if result == "type" and keys & {"saddr", "daddr"} and not keys & {"mark"}:
            at = " on iif" if "iif" in keys else " on oif" if "oif" in keys else ""
            return Typed(Field(f"{'src' if 'saddr' in keys else 'dst'} type{at}"), ("fib_addrtype",), (), name)
        if result in ("oif", "oifname"):
            # Whether there is a route back: there is, or the host could not answer.
            return Typed(Constant(1), ("route",), (), name)
        return Typed(Unknown(name), ("integer",), (), name)

    def _number(self, node: Node, words: list[str]) -> Typed:
        source = " ".join(words[:2]) if words[0] == "numgen" else words[0]
        modulus = integer(words[words.index("mod") + 1])
        offset = integer(words[words.index("offset") + 1]) if "offset" in words else 0
        if modulus == 0:
            raise ValueError("modulus 0")
        implied: tuple[Item, ...] = ()
        if node.name == "jhash":
            implied = next(self.expression(c).implied for c in node.children if isinstance(c, Node))
        return Typed(Uniform(modulus, offset, source), ("integer",), implied, " ".join(words))

    def _binary(self, node: Node) -> Typed:
        left_node, operator, right_node = (child for child in node.children if isinstance(child, Node))
        left = self.expression(left_node)
        sign = self.texts(operator)[0]
        right = self.operand(right_node, left)
        symbol = OPERATORS.get(sign, sign)
        expression = Binary(symbol, left.expression, right.expression)  # type: ignore[arg-type]
        return Typed(expression, left.types, (*left.implied, *right.implied), self.text(node))

    def operand(self, node: Node, left: Typed) -> Typed:
        """The right side of an operator: an expression, a literal of the left side's type, or several of them."""
        if node.name == "literal":
            return Typed(Constant(_low(component(left.types[0], self.text(node)))), left.types)
        if node.name == "operands":
            parts = [child for child in node.children if isinstance(child, Node)]
            result = self.operand(parts[0], left)
            for sign, part in zip(parts[1::2], parts[2::2], strict=True):
                other = self.operand(part, left)
                symbol = OPERATORS.get(self.texts(sign)[0], self.texts(sign)[0])
                result = Typed(
                    fold(Binary(symbol, result.expression, other.expression)),  # type: ignore[arg-type]
                    left.types,
                    (*result.implied, *other.implied),
                )
            return result
        return self.expression(node)

    def _map(self, node: Node) -> Typed:
        key_node, container_node = (child for child in node.children if isinstance(child, Node))
        key = self.expression(key_node)
        return Typed(
            Lookup(key.expression, self.container(container_node, key.types)), ("value",), key.implied, self.text(node)
        )

    # ------------------------------------------------------------ sets and values

    def container(self, node: Node, types: Sequence[str]) -> SetReference | Elements:
        """A set or map by name, or one that stands in the rule."""
        if node.name == "set_reference":
            return SetReference(self.texts(node)[0][1:])
        elements = [self.element(child, types) for child in node.children if isinstance(child, Node)]
        default = next((element.value for element in elements if not element.key), None)
        return Elements(tuple(element for element in elements if element.key), default)

    def element(self, node: Node, types: Sequence[str], value_types: Sequence[str] = (), line: int = 0) -> Element:
        """One element; `*` has an empty key."""
        key: tuple[Component, ...] = ()
        value: Verdict | tuple[Component, ...] | None = None
        comment = ""
        expiry: list[str] = []
        for child in node.children:
            if not isinstance(child, Node):
                continue
            if child.name == "key":
                inner = child.children[0]
                key = self.components(inner, types) if isinstance(inner, Node) else ()
            elif child.name == "value":
                value = self.components(child, value_types)
            elif child.name == "element_option":
                words = self.texts(child)
                if words[0] == "comment":
                    comment = words[1]
                else:
                    expiry += words
            else:
                value = self.verdict(child)
        return Element(key, value, comment, line, expiry=" ".join(expiry))

    def components(self, node: Node, types: Sequence[str]) -> tuple[Component, ...]:
        """The parts of a value: `10.0.0.1 . 80`."""
        texts = [self.words[child] for child in node.children if isinstance(child, int) and self.words[child] != "."]
        if types and len(texts) != len(types):
            raise ValueError(f"{len(texts)} parts for {len(types)}")
        if not types:
            return tuple(guess(text) for text in texts)
        return tuple(component(kind, text) for kind, text in zip(types, texts, strict=True))

    def verdict(self, node: Node) -> Verdict:
        kind = node.name.rstrip("_")
        if kind in ("jump", "goto"):
            return Verdict(kind, self.texts(node)[1])  # type: ignore[arg-type]
        if kind in ("accept", "drop", "return", "continue", "queue"):
            return Verdict(kind)  # type: ignore[arg-type]
        raise ValueError(f"verdict {kind}")


def _low(value: Component) -> int | str:
    return value if isinstance(value, str) else value[0]


def fold(expression: Expression) -> Expression:
    """The constant that an expression of constants is."""
    if isinstance(expression, Binary):
        left, right = fold(expression.left), fold(expression.right)
        if isinstance(left, Constant) and isinstance(right, Constant):
            a, b = left.value, right.value
            if isinstance(a, int) and isinstance(b, int):
                if expression.operator in ("<<", ">>"):
                    b = min(b, 128)
                table = {"&": a & b, "|": a | b, "^": a ^ b, "<<": a << b if b <= 128 else 0, ">>": a >> b}
                return Constant(table[expression.operator])
        return Binary(expression.operator, left, right)
    return expression
